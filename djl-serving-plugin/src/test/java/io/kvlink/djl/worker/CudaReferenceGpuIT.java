// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.kvlink.cuda.Gpu;
import io.kvlink.djl.model.CheckpointWeights;
import io.kvlink.djl.model.ReferenceLlama;
import io.kvlink.djl.model.TinyModels;
import io.kvlink.djl.model.config.ModelConfig;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The demo model's answers in float32, token by token beside the reference. */
@Timeout(120)
class CudaReferenceGpuIT extends StartedWorkers {
    private static final int ANSWER = 16;
    private static final double CLOSE = 1e-3;

    @BeforeAll
    static void requireGpu() {
        assumeTrue(Gpu.availability().ready(), Gpu.availability().reason());
    }

    @Test
    void shouldPickTheLikeliestTokenUnlessTwoAreAsLikely() throws Exception {
        LlamaWorker worker =
                worker(
                        TinyModels.DEMO,
                        Map.of(
                                "device", "gpu0",
                                "dtype", "float32",
                                "decode_batch", "fast",
                                "prefill_chunk", 2048,
                                "kv_cache_tokens", 4096));
        List<int[]> prompts = new ArrayList<>();
        List<Listening> answers = new ArrayList<>();
        for (String place : List.of("barn", "attic", "garden", "river", "hill", "wall")) {
            for (String asked : List.of("Where is Leo", "Where is Mia", "Who is on the " + place)) {
                String facts = "Facts: Leo is in the %s. Mia is on the hill.".formatted(place);
                prompts.add(worker.encode("%s Question: %s? Answer:".formatted(facts, asked)));
            }
        }
        prompts.forEach(prompt -> answers.add(submit(worker, Prompts.local(prompt, ANSWER))));
        for (Listening answer : answers) {
            assertThat(answer.result().completionTokens()).isEqualTo(ANSWER);
        }
        ModelConfig config = ModelConfig.read(TinyModels.DEMO);
        ReferenceLlama reference =
                new ReferenceLlama(config, CheckpointWeights.read(TinyModels.DEMO));
        IntStream.range(0, prompts.size())
                .parallel()
                .forEach(i -> compare(reference, prompts.get(i), answers.get(i).tokens));
    }

    private static void compare(ReferenceLlama reference, int[] prompt, List<Integer> answer) {
        int[] whole = Arrays.copyOf(prompt, prompt.length + ANSWER);
        for (int i = 0; i < ANSWER; i++) {
            whole[prompt.length + i] = answer.get(i);
        }
        double[][] logits = reference.logits(whole, prompt.length - 1);
        for (int i = 0; i < ANSWER; i++) {
            double best = Arrays.stream(logits[i]).max().orElseThrow();
            assertThat(logits[i][answer.get(i)])
                    .as("%s token %d", Arrays.toString(prompt), i)
                    .isGreaterThan(best - CLOSE);
        }
    }
}
