// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.djl.generation.GenerationRequest;
import io.kvlink.djl.generation.GenerationResult;
import io.kvlink.djl.sampling.SamplingParams;
import io.kvlink.djl.worker.FakeConnector.Loading;
import io.kvlink.djl.worker.config.WorkerConfig;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class DemoTransferTest {

    private static final Path MODEL = Path.of("../samples/model");
    private static final String PROMPT =
            "Facts: Leo is in the attic. Mia is on the hill. Question: Where is Leo? Answer:";

    @Test
    void shouldAnswerFromAPromptThatOnlyTheOtherInstanceComputed() throws Exception {
        Wire wire = new Wire();
        WorkerConfig config =
                WorkerConfig.of(
                        MODEL,
                        Map.of(
                                "kv_transfer_config",
                                "{\"kv_connector\":\"Fake\",\"kv_role\":\"kv_both\"}"));
        FakeConnector atP = new FakeConnector(wire, 1, Loading.IN_STEP);
        FakeConnector atD = new FakeConnector(wire, 2, Loading.IN_STEP);
        try (LlamaWorker p = LlamaWorker.start(config, atP.installed());
                LlamaWorker d = LlamaWorker.start(config, atD.installed())) {
            Listening answer = new Listening();
            d.submit(request(d.encode(PROMPT), 40), answer);
            p.submit(request(p.encode(PROMPT), 1), new Listening());

            GenerationResult result = answer.result();
            assertThat(answer.text()).isEqualTo(" Leo is in the attic");
            assertThat(result.finishReason()).isEqualTo(GenerationResult.FinishReason.STOP);
            assertThat(result.computedPromptTokens()).isEqualTo(1);
        }
        assertThat(atP.checked.violations()).isEmpty();
        assertThat(atP.checked.violations()).isEmpty();
        assertThat(atP.checked.steps()).isPositive();
        assertThat(atD.checked.violations()).isEmpty();
        assertThat(atD.checked.violations()).isEmpty();
        assertThat(atD.checked.steps()).isPositive();
        Threads.requireNone("kv-");
    }

    private static GenerationRequest request(int[] prompt, int maxTokens) {
        return new GenerationRequest(
                "demo",
                Prompts.route(1, 2, 9),
                prompt,
                maxTokens,
                0,
                SamplingParams.GREEDY,
                List.of("."),
                false);
    }
}
