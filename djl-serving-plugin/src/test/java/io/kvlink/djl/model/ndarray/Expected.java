// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import io.kvlink.djl.engine.LayerHook;
import io.kvlink.djl.model.config.ComputeType;
import io.kvlink.djl.model.config.JsonFields;
import io.kvlink.djl.model.config.ModelConfig;
import io.kvlink.djl.model.weights.Safetensors;
import io.kvlink.djl.sampling.Sampler;
import io.kvlink.djl.sampling.SamplingParams;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/**
 * What Hugging Face's transformers computes from the checkpoints beside {@code
 * checkpoints/make.py}, which wrote it down.
 *
 * @param logits for each prompt one row of the vocabulary for each token of the answer
 */
record Expected(List<int[]> prompts, List<int[]> answers, List<float[][]> logits) {
    static final Path CHECKPOINTS =
            Path.of(System.getProperty("kvlink.checkpoints", "src/test/resources/checkpoints"));

    /** Names of all checkpoints. */
    static List<String> names() throws IOException {
        try (Stream<Path> files = Files.list(CHECKPOINTS)) {
            return files.filter(Files::isDirectory)
                    .map(folder -> folder.getFileName().toString())
                    .sorted()
                    .toList();
        }
    }

    static Expected read(Path folder, ModelConfig config) {
        JsonFields json = JsonFields.parse("", JsonFields.text(folder.resolve("expected.json")));
        List<int[]> prompts = ids(json.array("prompts"));
        List<int[]> answers = ids(json.array("tokens"));
        List<float[][]> logits = new ArrayList<>();
        try (Safetensors file = Safetensors.open(folder.resolve("expected.safetensors"))) {
            for (int i = 0; i < prompts.size(); i++) {
                int steps = answers.get(i).length;
                FloatBuffer all = FloatBuffer.allocate(steps * config.vocabSize());
                file.read("logits." + i, all, steps, config.vocabSize());
                float[][] rows = new float[steps][config.vocabSize()];
                all.flip();
                for (float[] row : rows) {
                    all.get(row);
                }
                logits.add(rows);
            }
        }
        assertThat(prompts).hasSizeGreaterThan(3);
        return new Expected(prompts, answers, logits);
    }

    private static List<int[]> ids(JsonArray lists) {
        return lists.asList().stream()
                .map(JsonElement::getAsJsonArray)
                .map(ids -> ids.asList().stream().mapToInt(JsonElement::getAsInt).toArray())
                .toList();
    }

    int steps() {
        return answers.get(0).length;
    }

    void assertClose(float[] found, int prompt, int step, double tolerance) {
        float[] wanted = logits.get(prompt)[step];
        double difference = 0;
        for (int i = 0; i < wanted.length; i++) {
            difference = Math.max(difference, Math.abs((double) found[i] - wanted[i]));
        }
        assertThat(difference).as("prompt %d, step %d", prompt, step).isLessThan(tolerance);
        // make.py leaves the best logit at least 2e-3 above the next.
        int token = new Sampler(SamplingParams.GREEDY).next(found);
        assertThat((double) wanted[token])
                .isGreaterThan(wanted[answers.get(prompt)[step]] - 2 * tolerance);
    }

    /** All prompts at once, each token of all answers in one call. */
    static void assertBatches(String name, ComputeType type, Device device, double tolerance) {
        Path folder = CHECKPOINTS.resolve(name);
        ModelConfig config = ModelConfig.read(folder).computedIn(type);
        Expected expected = read(folder, config);
        try (KvCachePool pool = KvCachePool.open(config, 512, device);
                LlamaModel decoder = LlamaModel.load(folder, config, pool)) {
            List<KvRun> slots = new ArrayList<>();
            for (int[] prompt : expected.prompts()) {
                slots.add(pool.allocate(prompt.length + expected.steps()));
                if (prompt.length > 1) {
                    int[] before = Arrays.copyOf(prompt, prompt.length - 1);
                    decoder.forward(before, 0, slots.get(slots.size() - 1), LayerHook.NONE, false);
                }
            }
            for (int step = 0; step < expected.steps(); step++) {
                List<LogitsRow> rows = new ArrayList<>();
                for (int i = 0; i < slots.size(); i++) {
                    int[] prompt = expected.prompts().get(i);
                    int last = prompt.length - 1;
                    int token = step == 0 ? prompt[last] : expected.answers().get(i)[step - 1];
                    rows.add(new LogitsRow(token, last + step, slots.get(i), true));
                }
                List<float[]> found = decoder.decode(rows, LayerHook.NONE);
                for (int i = 0; i < slots.size(); i++) {
                    expected.assertClose(found.get(i), i, step, tolerance);
                }
            }
        }
    }

    /** Answers every prompt, and compares what each token was chosen from. */
    static void assertAnswers(
            String name, ComputeType type, Device device, int chunk, double tolerance) {
        Path folder = CHECKPOINTS.resolve(name);
        ModelConfig config = ModelConfig.read(folder).computedIn(type);
        Expected expected = read(folder, config);
        try (KvCachePool pool = KvCachePool.open(config, 256, device);
                LlamaModel decoder = LlamaModel.load(folder, config, pool)) {
            for (int i = 0; i < expected.prompts().size(); i++) {
                int[] prompt = expected.prompts().get(i);
                KvRun slots = pool.allocate(prompt.length + expected.steps());
                float[] found = prefill(decoder, prompt, chunk, slots);
                for (int step = 0; step < expected.steps(); step++) {
                    expected.assertClose(found, i, step, tolerance);
                    int[] next = {expected.answers().get(i)[step]};
                    int position = prompt.length + step;
                    found = decoder.forward(next, position, slots, LayerHook.NONE, true);
                }
                slots.release();
            }
        }
    }

    static float[] prefill(LlamaModel decoder, int[] prompt, int chunk, KvRun slots) {
        float[] found = null;
        for (int at = 0; at < prompt.length; at += chunk) {
            int end = Math.min(prompt.length, at + chunk);
            int[] part = Arrays.copyOfRange(prompt, at, end);
            found = decoder.forward(part, at, slots, LayerHook.NONE, true);
        }
        return found;
    }
}
