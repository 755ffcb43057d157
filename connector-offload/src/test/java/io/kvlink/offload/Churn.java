// SPDX-License-Identifier: Apache-2.0
package io.kvlink.offload;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.spi.DType;
import io.kvlink.spi.KvLayout;
import io.kvlink.tck.EngineOptions;
import io.kvlink.tck.EngineShape;
import io.kvlink.tck.FakeEngine;
import io.kvlink.tck.FakeKv;
import io.kvlink.tck.FakeRequest;
import io.kvlink.tck.KvMemory;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;

/**
 * Prompts that take each other's room all the time, in the engine's memory as in the kept one.
 * Copies of earlier steps are still in the streams then.
 */
final class Churn {

    private static final int ROUNDS = 20;
    private static final int PROMPT = 1001;
    private static final KvLayout LAYOUT = KvLayout.single("churn", 4, 4, 64, DType.BF16, 16);
    private static final EngineShape SHAPE = new EngineShape(LAYOUT, 64, false);

    private Churn() {}

    /** Runs requests one after the other, and looks at every loaded byte when all are over. */
    static void run(PooledProvider provider, KvMemory memory) {
        Random random = new Random(1);
        int[][] prompts = {tokens(random), tokens(random), tokens(random)};
        try (FakeEngine engine = engine(provider, memory)) {
            for (int round = 0; round < ROUNDS; round++) {
                memory.delay();
                int[] prompt = prompts[random.nextInt(prompts.length)];
                FakeRequest request = engine.add(Optional.empty(), prompt);
                assertThat(engine.admit(request)).isTrue();
                engine.step(List.of(request));
                assertThat(request.ended()).as("%s", request).isTrue();
                assertThat(request.failures()).isEmpty();
            }
            engine.verify();
            assertThat(figure(engine, "offload_loaded_tokens_total")).isPositive();
            assertThat(figure(engine, "offload_evicted_blocks_total")).isPositive();
            assertThat(engine.connector().ledger().idle()).isTrue();
        }
    }

    private static int[] tokens(Random random) {
        return random.ints(PROMPT, 0, 50_000).toArray();
    }

    // Room for a prompt and a half.
    private static FakeEngine engine(PooledProvider provider, KvMemory memory) {
        long bytes = 96 * LAYOUT.layers() * LAYOUT.blockBytes();
        return new FakeEngine(
                "engine",
                provider,
                Map.of(
                        "kv_connector",
                        OffloadingConnectorProvider.NAME,
                        "kv_role",
                        "kv_both",
                        "kv_connector_extra_config",
                        Map.of("cpu_bytes_to_use", bytes, "block_tokens", 16)),
                SHAPE,
                new FakeKv(SHAPE, memory, 1),
                new EngineOptions(Duration.ofSeconds(10), 0, Optional.empty(), () -> {}));
    }

    private static double figure(FakeEngine engine, String name) {
        return engine.connector().metrics().stream()
                .filter(metric -> metric.name().equals(name))
                .mapToDouble(metric -> metric.value())
                .sum();
    }
}
