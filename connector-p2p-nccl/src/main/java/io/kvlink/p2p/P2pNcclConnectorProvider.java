// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

import io.kvlink.spi.Availability;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvConnectorProvider;
import io.kvlink.spi.KvSpi;
import io.kvlink.spi.KvTransferConfig;

/**
 * Makes the connector that {@code "kv_connector": "P2pNcclConnector"} asks for. It works on every
 * machine: without a GPU its data plane is TCP.
 */
public final class P2pNcclConnectorProvider implements KvConnectorProvider {

    /** The connector's name. */
    public static final String NAME = "P2pNcclConnector";

    private final DevicesAndPlanes machine;

    /** Makes the provider for {@link java.util.ServiceLoader}. */
    public P2pNcclConnectorProvider() {
        this(DevicesAndPlanes.THIS);
    }

    P2pNcclConnectorProvider(DevicesAndPlanes machine) {
        this.machine = machine;
    }

    @Override
    public int spiVersion() {
        return KvSpi.VERSION;
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Availability availability() {
        return Availability.usable();
    }

    @Override
    public KvConnector create(KvTransferConfig config, KvConnectorContext context) {
        return P2pConnector.open(config, P2pConfig.of(config), context, machine);
    }
}
