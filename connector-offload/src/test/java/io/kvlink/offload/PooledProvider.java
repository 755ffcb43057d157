// SPDX-License-Identifier: Apache-2.0
package io.kvlink.offload;

import io.kvlink.pool.BuddyHostPoolProvider;
import io.kvlink.spi.Availability;
import io.kvlink.spi.HostPoolProvider;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvConnectorProvider;
import io.kvlink.spi.KvTransferConfig;

/** Provider of the connector, for engines that know no tensor pool. */
final class PooledProvider implements KvConnectorProvider {

    private final KvConnectorProvider real = new OffloadingConnectorProvider();
    private final HostPoolProvider pools;

    PooledProvider() {
        this(new BuddyHostPoolProvider());
    }

    PooledProvider(HostPoolProvider pools) {
        this.pools = pools;
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
        return real.create(
                config,
                KvConnectorContext.builder(context.layout(), context.wakeup())
                        .device(context.device())
                        .hostPools(pools)
                        .prefillChunk(context.prefillChunk())
                        .build());
    }
}
