// SPDX-License-Identifier: Apache-2.0
package io.kvlink.offload;

import io.kvlink.spi.KvConnectorProvider;
import io.kvlink.spi.KvRole;
import io.kvlink.tck.KvConnectorContract;
import java.util.Map;

/** Every rule for stores, over host memory. */
abstract class OffloadSuite extends KvConnectorContract {

    @Override
    protected KvConnectorProvider provider() {
        return new PooledProvider();
    }

    @Override
    protected Map<String, Object> config(KvRole role) {
        return config(role, 1 << 20);
    }

    private Map<String, Object> config(KvRole role, long bytes) {
        return Map.of(
                "kv_connector",
                OffloadingConnectorProvider.NAME,
                "kv_role",
                role.key(),
                "kv_connector_extra_config",
                Map.of("cpu_bytes_to_use", bytes, "block_tokens", storeBlockTokens()));
    }

    @Override
    protected int storeBlockTokens() {
        return 40;
    }

    @Override
    protected boolean storeIsShared() {
        return false;
    }

    @Override
    protected Map<String, Object> limitedStore(KvRole role, long layerBytes) {
        return config(role, layerBytes);
    }
}
