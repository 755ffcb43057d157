// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import io.kvlink.spi.KvCapability;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorProvider;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvRole;
import java.util.HashMap;
import java.util.Map;

/** The contract over the reference store, honest or broken. */
abstract class StoreSuite extends KvConnectorContract {

    private final TckClock clock = new JumpingClock();
    private final MemoryStore store;

    StoreSuite(StoreFault fault) {
        store = new MemoryStore(fault);
    }

    @Override
    final TckClock clock() {
        return clock;
    }

    @Override
    protected final KvConnectorProvider provider() {
        return store;
    }

    @Override
    protected final Map<String, Object> config(KvRole role) {
        return Map.of("kv_connector", "store", "kv_role", role.key());
    }

    @Override
    protected final boolean supports(KvCapability capability) {
        return MemoryStoreConnector.CAPABILITIES.contains(capability);
    }

    @Override
    protected final int storeBlockTokens() {
        return MemoryStore.BLOCK_TOKENS;
    }

    @Override
    protected final boolean breakLoad(
            KvConnector producer, KvConnector consumer, KvRequest request) {
        return store.damage();
    }

    @Override
    protected final boolean damageStore() {
        return store.damage();
    }

    @Override
    protected final Map<String, Object> limitedStore(KvRole role, long layerBytes) {
        Map<String, Object> config = new HashMap<>(config(role));
        config.put("kv_connector_extra_config", Map.of("limit", layerBytes));
        return config;
    }
}
