// SPDX-License-Identifier: Apache-2.0
package io.kvlink.store;

import io.kvlink.spi.Availability;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvConnectorProvider;
import io.kvlink.spi.KvSpi;
import io.kvlink.spi.KvTransferConfig;

/** Makes the connector that {@code "kv_connector": "SharedStoreConnector"} asks for. */
public final class SharedStoreConnectorProvider implements KvConnectorProvider {

    /** The connector's name. */
    public static final String NAME = "SharedStoreConnector";

    /** Makes the provider for {@link java.util.ServiceLoader}. */
    public SharedStoreConnectorProvider() {}

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
        return SharedStoreConnector.open(config, StoreConfig.of(config.extra()), context);
    }
}
