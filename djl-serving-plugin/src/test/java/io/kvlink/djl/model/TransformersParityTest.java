// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
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

    /** Ten bits of fraction in each product: a thousandth of the largest logits, about 10. */
    @ParameterizedTest
    @MethodSource("names")
    void shouldComeCloseInFloat16(String name) {
        assertAnswers(name, ComputeType.FLOAT16, 16, 5e-2);
    }

    @ParameterizedTest
    @MethodSource("names")
    void shouldComeCloseInBfloat16(String name) {
        assertAnswers(name, ComputeType.BFLOAT16, 16, .5);
    }

    /** Answers every prompt greedily, and compares what each token was chosen from. */
    private static void assertAnswers(String name, ComputeType type, int chunk, double tolerance) {
        Path folder = CHECKPOINTS.resolve(name);
        ModelConfig config = ModelConfig.read(folder).computedIn(type);
        JsonFields expected = JsonFields.parse(name, read(folder.resolve("expected.json")));
        try (KvCachePool pool = KvCachePool.open(config, 256);
                LlamaDecoder decoder = LlamaDecoder.load(folder, config, pool);
                Safetensors logits = Safetensors.open(folder.resolve("expected.safetensors"))) {
            for (int i = 0; i < expected.array("prompts").size(); i++) {
                int[] prompt = ids(expected, "prompts", i);
                int[] answer = ids(expected, "tokens", i);
                FloatBuffer all = FloatBuffer.allocate(answer.length * config.vocabSize());
                logits.read("logits." + i, all, answer.length, config.vocabSize());
                KvSlots slots = pool.allocate(prompt.length + answer.length);
                float[] found = prefill(decoder, prompt, chunk, slots);
                for (int step = 0; step < answer.length; step++) {
                    float[] wanted = new float[config.vocabSize()];
                    all.get(step * wanted.length, wanted);
                    assertThat(difference(found, wanted))
                            .as("prompt %d of %d tokens, step %d", i, prompt.length, step)
                            .isLessThan(tolerance);
                    int token = new Sampler(SamplingParams.GREEDY).next(found);
                    // make.py leaves the best logit at least 2e-3 above the next.
                    assertThat((double) wanted[token])
                            .isGreaterThan(wanted[answer[step]] - 2 * tolerance);
                    found =
                            decoder.forward(
                                    new int[] {answer[step]},
                                    prompt.length + step,
                                    slots,
                                    LayerHook.NONE,
                                    true);
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

    private static double difference(float[] found, float[] wanted) {
        double largest = 0;
        for (int i = 0; i < wanted.length; i++) {
            double difference = Math.abs((double) found[i] - wanted[i]);
            largest = difference <= largest ? largest : difference;
        }
        return largest;
    }

    private static int[] ids(JsonFields json, String key, int index) {
        return json.array(key).get(index).getAsJsonArray().asList().stream()
                .mapToInt(id -> id.getAsInt())
                .toArray();
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }
}
