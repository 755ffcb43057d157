// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples;

import static io.kvlink.samples.WorkerAnswer.answered;
import static io.kvlink.samples.WorkerAnswer.prompt;
import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.djl.worker.LlamaWorker;
import io.kvlink.djl.worker.config.WorkerConfig;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A worker with host memory for KV: it computes no prompt twice, and answers stay as they were. */
@Timeout(120)
final class OffloadedPromptsTest {

    private static final Path MODEL = Path.of("model");
    private static final int CHUNK = 32;
    private static final int BLOCK = 16;
    private static final int ENOUGH_BYTES = 64 << 20;

    @Test
    void shouldLoadWholeChunksWhereBitsCountAndAnswerAsWithoutIt() {
        int[] prompt = prompt(150, 1);
        int[] longer = Arrays.copyOf(prompt, 222);
        int[] shorter = Arrays.copyOf(prompt, 113);
        int[] branch = prompt.clone();
        branch[70] ^= 1;
        List<int[]> prompts = List.of(prompt, prompt, longer, shorter, branch, prompt(20, 2));
        List<List<Integer>> expected = new ArrayList<>();
        try (LlamaWorker alone = worker("exact", 0)) {
            prompts.forEach(each -> expected.add(answered(alone, each).tokens()));
        }
        try (LlamaWorker worker = worker("exact", ENOUGH_BYTES)) {
            int[] loaded = {0, 128, 128, 96, 64, 0};
            for (int i = 0; i < loaded.length; i++) {
                WorkerAnswer answer = answered(worker, prompts.get(i));
                assertThat(answer.loaded()).as("prompt %d", i).isEqualTo(loaded[i]);
                assertThat(answer.computed()).isEqualTo(prompts.get(i).length - loaded[i]);
                assertThat(answer.tokens()).as("prompt %d", i).isEqualTo(expected.get(i));
            }
        }
    }

    @Test
    void shouldGoOnWithAConversationWhereItWas() {
        int[] prompt = prompt(150, 3);
        try (LlamaWorker worker = worker("fast", ENOUGH_BYTES)) {
            WorkerAnswer first = answered(worker, prompt, 60);
            assertThat(first.tokens()).as("of the demo model").hasSize(60);
            int[] next =
                    IntStream.concat(
                                    Arrays.stream(prompt),
                                    first.tokens().stream().mapToInt(Integer::intValue))
                            .toArray();
            // The answer's last token has no KV yet.
            assertThat(answered(worker, next).loaded()).isEqualTo(209 / BLOCK * BLOCK);
        }
    }

    @Test
    void shouldAnswerWithoutRoomForAll() {
        int[] prompt = prompt(150, 4);
        int[] other = prompt(150, 5);
        List<Integer> expected;
        try (LlamaWorker alone = worker("exact", 0)) {
            expected = answered(alone, prompt).tokens();
        }
        // Some blocks fit, and not both prompts.
        try (LlamaWorker worker = worker("exact", 1 << 18)) {
            for (int[] each : List.of(prompt, other, prompt, prompt)) {
                WorkerAnswer answer = answered(worker, each);
                if (each == prompt) {
                    assertThat(answer.tokens()).isEqualTo(expected);
                }
            }
        }
    }

    private static LlamaWorker worker(String batch, int bytes) {
        Map<String, Object> options = new HashMap<>();
        options.put("decode_batch", batch);
        options.put("prefill_chunk", CHUNK);
        if (bytes > 0) {
            options.put(
                    "kv_transfer_config",
                    """
                    {"kv_connector": "OffloadingConnector", "kv_role": "kv_both",
                     "kv_connector_extra_config": {"cpu_bytes_to_use": %d, "block_tokens": %d}}
                    """
                            .formatted(bytes, BLOCK));
        }
        return LlamaWorker.start(
                WorkerConfig.of(MODEL, options), OffloadedPromptsTest.class.getClassLoader());
    }
}
