// SPDX-License-Identifier: Apache-2.0
package io.kvlink.offload;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.pool.BuddyHostPoolProvider;
import io.kvlink.spi.DType;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvConnectors;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvTransferConfig;
import io.kvlink.spi.Settings;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class OffloadSettingsTest {

    private static final KvConnectorContext.Builder CONTEXT =
            KvConnectorContext.builder(KvLayout.single("m", 2, 2, 4, DType.BF16, 16), () -> {});

    @Test
    void shouldReadTheNamesOfTheField() {
        assertThat(OffloadConfig.of(Settings.of("extra", Map.of("cpu_bytes_to_use", 8e9))))
                .isEqualTo(new OffloadConfig(8_000_000_000L, 64));
    }

    @Test
    void shouldBeFoundByItsName() {
        KvConnectors found = KvConnectors.load(OffloadSettingsTest.class.getClassLoader());
        assertThat(found.named("OffloadingConnector"))
                .isInstanceOf(OffloadingConnectorProvider.class);
    }

    @Test
    void shouldRefuseWhatCanNotWork() {
        KvConnectorContext pooled = CONTEXT.hostPools(new BuddyHostPoolProvider()).build();
        refused(pooled, Map.of(), "cpu_bytes_to_use is missing; for example");
        refused(pooled, Map.of("cpu_bytes_to_use", -1), "cpu_bytes_to_use=-1");
        refused(pooled, Map.of("cpu_bytes_to_use", 1e9, "block_tokens", 0), "block_tokens=0");
        refused(pooled, Map.of("cpu_bytes", 1e9), "did you mean cpu_bytes_to_use");
        refused(pooled, Map.of("cpu_bytes_to_use", 4095), "expected room for a block of 4096");
    }

    @Test
    void shouldRefuseToWorkWithoutATensorPool() {
        KvConnectorContext bare =
                KvConnectorContext.builder(KvLayout.single("m", 2, 2, 4, DType.BF16, 16), () -> {})
                        .build();
        refused(bare, Map.of("cpu_bytes_to_use", 1e9), "put the jar kvlink-tensor-pool beside it");
    }

    private static void refused(KvConnectorContext context, Map<String, Object> extra, String why) {
        KvTransferConfig config =
                KvTransferConfig.of(
                        Map.of(
                                "kv_connector",
                                OffloadingConnectorProvider.NAME,
                                "kv_role",
                                "kv_both",
                                "kv_connector_extra_config",
                                extra));
        assertThatThrownBy(() -> new OffloadingConnectorProvider().create(config, context))
                .hasMessageStartingWith("BAD_CONFIG(1)")
                .hasMessageContaining(why);
        assertThat(Thread.getAllStackTraces().keySet())
                .noneMatch(thread -> thread.getName().startsWith("kv-offload"));
    }
}
