// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Compares with what Hugging Face's transformers computes from the same files, which {@code
 * checkpoints/make.py} wrote down.
 */
class TransformersParityTest {
    private static final Path CHECKPOINTS = Path.of("src/test/resources/checkpoints");
    private static final double TOLERANCE = 1e-4;
    private static final double HALF_TOLERANCE = 8e-2;

    static List<String> names() throws IOException {
        try (Stream<Path> files = Files.list(CHECKPOINTS)) {
            return files.filter(Files::isDirectory)
                    .map(folder -> folder.getFileName().toString())
                    .sorted()
                    .toList();
        }
    }

    @ParameterizedTest
    @MethodSource("names")
    void shouldGiveTheLogitsAndTokensOfTransformers(String name) {
        assertAnswers(name, ComputeType.FLOAT32, 1000, TOLERANCE);
    }

    @ParameterizedTest
    @MethodSource("names")
    void shouldGiveThemForPromptsInChunks(String name) {
        assertAnswers(name, ComputeType.FLOAT32, 16, TOLERANCE);
    }

    /** What transformers computes plays no part here. */
    @ParameterizedTest
    @ValueSource(
            strings = {"llama-biases", "mistral-sliding", "qwen2", "qwen2-sliding", "qwen3-bias"})
    void shouldAgreeWithTheReference(String name) throws IOException {
        Path folder = CHECKPOINTS.resolve(name);
        ModelConfig config = ModelConfig.read(folder);
        int[] tokens = new Random(5).ints(90, 0, config.vocabSize()).toArray();
        double[] wanted = new ReferenceLlama(config, weights(folder)).logits(tokens);
        try (KvCachePool pool = KvCachePool.open(config, 256);
                LlamaDecoder decoder = LlamaDecoder.load(folder, config, pool)) {
            for (int chunk : new int[] {1, 16, 90}) {
                KvSlots slots = pool.allocate(tokens.length);
                float[] found = prefill(decoder, tokens, chunk, slots);
                for (int token = 0; token < found.length; token++) {
                    assertThat((double) found[token]).isCloseTo(wanted[token], within(TOLERANCE));
                }
                slots.release();
            }
        }
    }

    private static Map<String, float[]> weights(Path folder) throws IOException {
        Path path = folder.resolve("model.safetensors");
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(path)).order(LITTLE_ENDIAN);
        byte[] header = new byte[Math.toIntExact(bytes.getLong())];
        bytes.get(header);
        SafetensorsHeader parsed =
                SafetensorsHeader.parse("header", new String(header, UTF_8), bytes.remaining());
        Map<String, float[]> weights = new HashMap<>();
        try (Safetensors file = Safetensors.open(path)) {
            parsed.entries()
                    .forEach(
                            (name, entry) -> {
                                long[] shape =
                                        entry.shape().stream().mapToLong(Long::longValue).toArray();
                                long size = Arrays.stream(shape).reduce(1, (a, b) -> a * b);
                                FloatBuffer values = FloatBuffer.allocate((int) size);
                                file.read(name, values, shape);
                                weights.put(name, values.array());
                            });
        }
        return weights;
    }

    @ParameterizedTest
    @MethodSource("names")
    void shouldGiveThemInBatches(String name) {
        assertBatches(name, ComputeType.FLOAT32, TOLERANCE);
    }

    /** Ten bits of fraction in each product: attention makes some hundredths of it. */
    @ParameterizedTest
    @MethodSource("names")
    void shouldComeCloseInFloat16(String name) {
        assertAnswers(name, ComputeType.FLOAT16, 16, HALF_TOLERANCE);
        assertBatches(name, ComputeType.FLOAT16, HALF_TOLERANCE);
    }

    /** Seven bits of fraction. */
    @ParameterizedTest
    @MethodSource("names")
    void shouldComeCloseInBfloat16(String name) {
        assertAnswers(name, ComputeType.BFLOAT16, 16, 8 * HALF_TOLERANCE);
        assertBatches(name, ComputeType.BFLOAT16, 8 * HALF_TOLERANCE);
    }

    /** All prompts at once, each token of all answers in one call. */
    private static void assertBatches(String name, ComputeType type, double tolerance) {
        Path folder = CHECKPOINTS.resolve(name);
        ModelConfig config = ModelConfig.read(folder).computedIn(type);
        Expected expected = Expected.read(folder, config);
        try (KvCachePool pool = KvCachePool.open(config, 512);
                LlamaDecoder decoder = LlamaDecoder.load(folder, config, pool)) {
            List<KvSlots> slots = new ArrayList<>();
            for (int[] prompt : expected.prompts()) {
                slots.add(pool.allocate(prompt.length + expected.steps()));
                if (prompt.length > 1) {
                    int[] before = Arrays.copyOf(prompt, prompt.length - 1);
                    decoder.forward(before, 0, slots.get(slots.size() - 1), LayerHook.NONE, false);
                }
            }
            for (int step = 0; step < expected.steps(); step++) {
                List<DecodeRow> rows = new ArrayList<>();
                for (int i = 0; i < slots.size(); i++) {
                    int[] prompt = expected.prompts().get(i);
                    int last = prompt.length - 1;
                    int token = step == 0 ? prompt[last] : expected.answers().get(i)[step - 1];
                    rows.add(new DecodeRow(token, last + step, slots.get(i), true));
                }
                List<float[]> found = decoder.decode(rows, LayerHook.NONE);
                for (int i = 0; i < slots.size(); i++) {
                    expected.assertClose(found.get(i), i, step, tolerance);
                }
            }
        }
    }

    /** Answers every prompt, and compares what each token was chosen from. */
    private static void assertAnswers(String name, ComputeType type, int chunk, double tolerance) {
        Path folder = CHECKPOINTS.resolve(name);
        ModelConfig config = ModelConfig.read(folder).computedIn(type);
        Expected expected = Expected.read(folder, config);
        try (KvCachePool pool = KvCachePool.open(config, 256);
                LlamaDecoder decoder = LlamaDecoder.load(folder, config, pool)) {
            for (int i = 0; i < expected.prompts().size(); i++) {
                int[] prompt = expected.prompts().get(i);
                KvSlots slots = pool.allocate(prompt.length + expected.steps());
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

    private static float[] prefill(LlamaDecoder decoder, int[] prompt, int chunk, KvSlots slots) {
        float[] found = null;
        for (int at = 0; at < prompt.length; at += chunk) {
            int end = Math.min(prompt.length, at + chunk);
            int[] part = Arrays.copyOfRange(prompt, at, end);
            found = decoder.forward(part, at, slots, LayerHook.NONE, true);
        }
        return found;
    }

    /**
     * What transformers computed.
     *
     * @param logits for each prompt one row of the vocabulary for each token of the answer
     */
    private record Expected(List<int[]> prompts, List<int[]> answers, List<float[][]> logits) {
        static Expected read(Path folder, ModelConfig config) {
            JsonFields json =
                    JsonFields.parse("", JsonFields.text(folder.resolve("expected.json")));
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
    }
}
