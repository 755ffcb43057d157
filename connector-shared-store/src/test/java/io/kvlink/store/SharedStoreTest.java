// SPDX-License-Identifier: Apache-2.0
package io.kvlink.store;

import io.kvlink.spi.KvConnectorProvider;
import io.kvlink.spi.KvRole;
import io.kvlink.tck.KvConnectorContract;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;

/** Every rule for stores, over a directory. */
final class SharedStoreTest extends KvConnectorContract {

    @TempDir Path folder;

    @Override
    protected KvConnectorProvider provider() {
        return new SharedStoreConnectorProvider();
    }

    @Override
    protected Map<String, Object> config(KvRole role) {
        return config(role, 1);
    }

    private Map<String, Object> config(KvRole role, double gigabytes) {
        return Map.of(
                "kv_connector",
                SharedStoreConnectorProvider.NAME,
                "kv_role",
                role.key(),
                "kv_connector_extra_config",
                Map.of(
                        "path",
                        folder.resolve("kv").toString(),
                        "block_tokens",
                        storeBlockTokens(),
                        "max_size_gb",
                        gigabytes));
    }

    @Override
    protected int storeBlockTokens() {
        return 48;
    }

    @Override
    protected boolean damageStore() {
        List<Path> files = StoreFiles.blocks(folder);
        for (int i = 0; i < files.size(); i++) {
            damage(files.get(i), i);
        }
        return true;
    }

    // A file each is one byte too short, has another byte in its header, or in its KV.
    private static void damage(Path file, int way) {
        try {
            byte[] content = Files.readAllBytes(file);
            int at = new int[] {content.length - 1, 70, 3000}[way % 3];
            content[at]++;
            int length = content.length - (way % 3 == 0 ? 1 : 0);
            Files.write(file, Arrays.copyOf(content, length));
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }

    @Override
    protected Map<String, Object> limitedStore(KvRole role, long layerBytes) {
        return config(role, layerBytes * 1.125 / 1e9);
    }
}
