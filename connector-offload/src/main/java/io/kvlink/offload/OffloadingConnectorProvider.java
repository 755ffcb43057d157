// SPDX-License-Identifier: Apache-2.0
package io.kvlink.offload;

import io.kvlink.spi.Availability;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvConnectorProvider;
import io.kvlink.spi.KvSpi;
import io.kvlink.spi.KvTransferConfig;

/** Makes the connector that {@code "kv_connector": "OffloadingConnector"} asks for. */
public final class OffloadingConnectorProvider implements KvConnectorProvider {

    /** The connector's name. */
    public static final String NAME = "OffloadingConnector";

    /** Makes the provider for {@link java.util.ServiceLoader}. */
    public OffloadingConnectorProvider() {}

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public int spiVersion() {
        return KvSpi.VERSION;
    }

    @Override
    public Availability availability() {
        return Availability.usable();
    }

    @Override
    public KvConnector create(KvTransferConfig config, KvConnectorContext context) {
        return OffloadingConnector.open(OffloadConfig.of(config.extra()), context);
    }
}
