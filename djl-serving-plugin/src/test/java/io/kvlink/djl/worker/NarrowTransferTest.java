// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.djl.model.TinyModels;
import io.kvlink.djl.model.config.ComputeType;
import io.kvlink.djl.model.config.ModelConfig;
import io.kvlink.djl.sampling.SamplingParams;
import io.kvlink.djl.worker.config.WorkerConfig;
import io.kvlink.djl.worker.connector.ConnectorSetup;
import io.kvlink.spi.TransferRoute;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** KV of other types than float32. */
@Timeout(120)
class NarrowTransferTest {
    private static final int P = 1;
    private static final int D = 2;

    @TempDir private Path directory;

    @ParameterizedTest
    @EnumSource(
            value = ComputeType.class,
            names = {"FLOAT16", "BFLOAT16"})
    void shouldAnswerFromLoadedKvAsIfComputedHere(ComputeType type) throws Exception {
        Path model = TinyModels.write(directory.resolve("tiny"), 2);
        Wire wire = new Wire();
        FakeConnector atP = new FakeConnector(wire, P, FakeConnector.Loading.IN_STEP);
        FakeConnector atD = new FakeConnector(wire, D, FakeConnector.Loading.ASYNC);
        int[] prompt = Prompts.random(70, 3);
        Optional<TransferRoute> route = Prompts.route(P, D, 1);
        try (LlamaWorker p = LlamaWorker.start(config(model, type), atP.installed());
                LlamaWorker d = LlamaWorker.start(config(model, type), atD.installed())) {
            Listening loaded = new Listening();
            d.submit(Prompts.request(prompt, 12, SamplingParams.GREEDY, route), loaded);
            Listening prefilled = new Listening();
            p.submit(Prompts.request(prompt, 1, SamplingParams.GREEDY, route), prefilled);
            assertThat(loaded.result().loadedPromptTokens()).isEqualTo(69);

            Listening local = new Listening();
            p.submit(Prompts.local(prompt, 12), local);
            assertThat(local.result().computedPromptTokens()).isEqualTo(70);
            assertThat(loaded.tokens).isEqualTo(local.tokens).hasSize(12);
            assertThat(prefilled.result()).isNotNull();
            assertThat(prefilled.tokens).isEqualTo(local.tokens.subList(0, 1));
        }
        assertThat(atP.checked.violations()).isEmpty();
        assertThat(atP.checked.violations()).isEmpty();
        assertThat(atP.checked.steps()).isPositive();
        assertThat(atD.checked.violations()).isEmpty();
        assertThat(atD.checked.violations()).isEmpty();
        assertThat(atD.checked.steps()).isPositive();
    }

    /** Peers compare layouts, so those of different types refuse each other. */
    @Test
    void shouldTellPeersTheType() {
        ModelConfig config = ModelConfig.read(TinyModels.write(directory.resolve("tiny"), 2));
        List<String> types =
                List.of(ComputeType.values()).stream()
                        .map(type -> ConnectorSetup.layout(config.computedIn(type), "m"))
                        .map(layout -> layout.dtype().key())
                        .toList();
        assertThat(types).containsExactly("float32", "float16", "bfloat16");
    }

    private static WorkerConfig config(Path model, ComputeType type) {
        return WorkerConfig.of(
                model,
                Map.of(
                        "dtype",
                        type.key(),
                        "prefill_chunk",
                        Prompts.CHUNK,
                        "kv_transfer_config",
                        "{\"kv_connector\":\"Fake\",\"kv_role\":\"kv_both\"}"));
    }
}
