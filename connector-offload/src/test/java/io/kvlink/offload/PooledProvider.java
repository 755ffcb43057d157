// SPDX-License-Identifier: Apache-2.0
package io.kvlink.offload;

import io.kvlink.pool.BuddyHostPoolProvider;
import io.kvlink.spi.Availability;
import io.kvlink.spi.HostPoolProvider;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvConnectorProvider;
import io.kvlink.spi.KvTransferConfig;
import java.util.Optional;
import java.util.function.Supplier;

/** Provider of the connector, for engines that know no tensor pool. */
final class PooledProvider implements KvConnectorProvider {

    private final KvConnectorProvider real = new OffloadingConnectorProvider();
    private final HostPoolProvider pools;
    private final Supplier<Optional<CopyDevice>> devices;

    PooledProvider() {
        this(new BuddyHostPoolProvider(), Optional::empty);
    }

    /**
     * Provider over other things than the machine's.
     *
     * @param devices device of the next engine; empty for the one that the context names
     */
    PooledProvider(HostPoolProvider pools, Supplier<Optional<CopyDevice>> devices) {
        this.pools = pools;
        this.devices = devices;
    }

    @Override
    public String name() {
        return real.name();
    }

    @Override
    public int spiVersion() {
        return real.spiVersion();
    }

    @Override
    public Availability availability() {
        return real.availability();
    }

    @Override
    public KvConnector create(KvTransferConfig config, KvConnectorContext context) {
        KvConnectorContext pooled =
                KvConnectorContext.builder(context.layout(), context.wakeup())
                        .device(context.device())
                        .hostPools(pools)
                        .prefillChunk(context.prefillChunk())
                        .build();
        Optional<CopyDevice> device = devices.get();
        return device.isEmpty()
                ? real.create(config, pooled)
                : OffloadingConnector.open(OffloadConfig.of(config.extra()), pooled, device.get());
    }
}
