// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples;

import static io.kvlink.samples.WorkerAnswer.answered;
import static io.kvlink.samples.WorkerAnswer.prompt;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import io.kvlink.djl.worker.LlamaWorker;
import io.kvlink.djl.worker.config.WorkerConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Workers that share a store: none computes what another has, and answers stay as they were. */
@Timeout(120)
final class StoredPromptsTest {

    private static final Path MODEL = Path.of("model");
    private static final int CHUNK = 32;
    private static final int BLOCK = 16;

    @TempDir Path folder;

    @Test
    void shouldLoadWholeChunksWhereBitsCountAndAnswerAsWithoutAStore() {
        int[] prompt = prompt(150, 1);
        int[] longer = Arrays.copyOf(prompt, 222);
        int[] shorter = Arrays.copyOf(prompt, 113);
        int[] branch = prompt.clone();
        branch[70] ^= 1;
        List<int[]> prompts = List.of(prompt, longer, shorter, branch, prompt(20, 2));
        List<List<Integer>> expected = new ArrayList<>();
        try (LlamaWorker alone = worker("exact", false)) {
            prompts.forEach(each -> expected.add(answered(alone, each).tokens()));
        }
        try (LlamaWorker first = worker("exact", true);
                LlamaWorker second = worker("exact", true)) {
            assertThat(answered(first, prompt).loaded()).isZero();
            assertThat(files()).as("of whole chunks only").hasSize(128 / BLOCK);
            int[] loaded = {128, 128, 96, 64, 0};
            for (int i = 0; i < prompts.size(); i++) {
                WorkerAnswer answer = answered(second, prompts.get(i));
                assertThat(answer.loaded()).as("prompt %d", i).isEqualTo(loaded[i]);
                assertThat(answer.computed()).isEqualTo(prompts.get(i).length - loaded[i]);
                assertThat(answer.tokens()).as("prompt %d", i).isEqualTo(expected.get(i));
            }
        }
        try (LlamaWorker restarted = worker("exact", true)) {
            WorkerAnswer answer = answered(restarted, longer);
            assertThat(answer.loaded()).isEqualTo(192);
            assertThat(answer.tokens()).isEqualTo(expected.get(1));
            damage();
        }
        try (LlamaWorker distrustful = worker("exact", true)) {
            WorkerAnswer answer = answered(distrustful, prompt);
            assertThat(answer.loaded()).isZero();
            assertThat(answer.tokens()).isEqualTo(expected.get(0));
        }
    }

    /** A prompt's last token is computed as a row, though it is as many as a chunk. */
    @Test
    void shouldNotStoreAPromptsLastTokenWhereChunksAreOfOne() {
        int[] prompt = prompt(2 * BLOCK, 5);
        try (LlamaWorker worker = worker("exact", 1, true)) {
            answered(worker, prompt);
            assertThat(files()).hasSize(1);
        }
    }

    @Test
    void shouldLoadWholeBlocksElsewhere() {
        int[] prompt = prompt(150, 3);
        try (LlamaWorker first = worker("fast", true);
                LlamaWorker second = worker("fast", true)) {
            assertThat(answered(first, prompt).loaded()).isZero();
            WorkerAnswer answer = answered(second, prompt);
            assertThat(answer.loaded()).isEqualTo(144);
            assertThat(answer.computed()).isEqualTo(6);
        }
        try (LlamaWorker exact = worker("exact", true)) {
            assertThat(answered(exact, prompt).loaded()).as("KV of other bits").isZero();
        }
    }

    @Test
    void shouldAnswerThoughNothingCanBeSaved() throws IOException {
        // A file lies where the store's folder is to be, from the first save on.
        try (LlamaWorker worker = worker("exact", true)) {
            Files.delete(folder.resolve("kv"));
            Files.writeString(folder.resolve("kv"), "in the way");
            int[] prompt = prompt(150, 4);
            List<Integer> once = answered(worker, prompt).tokens();
            WorkerAnswer again = answered(worker, prompt);
            assertThat(again.loaded()).isZero();
            assertThat(again.tokens()).isEqualTo(once);
        }
    }

    private LlamaWorker worker(String batch, boolean stored) {
        return worker(batch, CHUNK, stored);
    }

    private LlamaWorker worker(String batch, int chunk, boolean stored) {
        Map<String, Object> options = new HashMap<>();
        options.put("decode_batch", batch);
        options.put("prefill_chunk", chunk);
        if (stored) {
            JsonObject extra = new JsonObject();
            extra.addProperty("path", folder.resolve("kv").toString());
            extra.addProperty("block_tokens", BLOCK);
            JsonObject transfer = new JsonObject();
            transfer.addProperty("kv_connector", "SharedStoreConnector");
            transfer.addProperty("kv_role", "kv_both");
            transfer.add("kv_connector_extra_config", extra);
            options.put("kv_transfer_config", transfer.toString());
        }
        return LlamaWorker.start(
                WorkerConfig.of(MODEL, options), StoredPromptsTest.class.getClassLoader());
    }

    /** Changes a byte of every block. */
    private void damage() {
        try {
            for (Path file : files()) {
                byte[] content = Files.readAllBytes(file);
                content[content.length / 2]++;
                Files.write(file, content);
            }
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }

    private List<Path> files() {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(Files::isRegularFile).toList();
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }
}
