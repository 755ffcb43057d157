// SPDX-License-Identifier: Apache-2.0
package io.kvlink.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.spi.DType;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvConnectors;
import io.kvlink.spi.KvDevice;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvTransferConfig;
import io.kvlink.spi.Settings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class StoreSettingsTest {

    private static final KvLayout LAYOUT = KvLayout.single("m", 2, 2, 4, DType.BF16, 16);

    @TempDir Path folder;

    @Test
    void shouldHaveDefaults() {
        StoreConfig config = StoreConfig.of(Settings.of("extra", Map.of("path", "/kv")));
        assertThat(config)
                .isEqualTo(
                        new StoreConfig(
                                Path.of("/kv"),
                                10_000_000_000L,
                                64,
                                2,
                                Duration.ofSeconds(5),
                                false));
    }

    @Test
    void shouldBeFoundByItsName() {
        KvConnectors found = KvConnectors.load(StoreSettingsTest.class.getClassLoader());
        assertThat(found.named("SharedStoreConnector"))
                .isInstanceOf(SharedStoreConnectorProvider.class);
    }

    @Test
    void shouldRefuseADevice() {
        KvConnectorContext onDevice =
                KvConnectorContext.builder(LAYOUT, () -> {})
                        .device(Optional.of(new KvDevice(0, 1)))
                        .build();
        assertThatThrownBy(() -> open(Map.of(), onDevice))
                .hasMessageStartingWith("BAD_CONFIG(1): device=")
                .hasMessageContaining("it copies host memory only");
    }

    @Test
    void shouldRefuseWhatCanNotWork() throws IOException {
        Path file = Files.createFile(folder.resolve("file"));
        refused(Map.of("path", file.toString()), "expected a directory");
        refused(Map.of("path", ""), "path is missing");
        refused(Map.of("max_size_gb", 0.000_001), "expected room for a block of");
        refused(Map.of("block_tokens", 0), "block_tokens=0");
        refused(Map.of("max_size", 1), "did you mean max_size_gb");
    }

    private void refused(Map<String, Object> changes, String why) {
        KvConnectorContext context = KvConnectorContext.builder(LAYOUT, () -> {}).build();
        assertThatThrownBy(() -> open(changes, context))
                .hasMessageStartingWith("BAD_CONFIG(1)")
                .hasMessageContaining(why);
        assertThat(Thread.getAllStackTraces().keySet())
                .noneMatch(thread -> thread.getName().startsWith("kv-store"));
    }

    private void open(Map<String, Object> changes, KvConnectorContext context) {
        Map<String, Object> extra = new HashMap<>(Map.of("path", folder.toString()));
        extra.putAll(changes);
        KvTransferConfig config =
                KvTransferConfig.of(
                        Map.of(
                                "kv_connector",
                                "SharedStoreConnector",
                                "kv_role",
                                "kv_both",
                                "kv_connector_extra_config",
                                extra));
        KvConnector connector = new SharedStoreConnectorProvider().create(config, context);
        connector.close();
    }
}
