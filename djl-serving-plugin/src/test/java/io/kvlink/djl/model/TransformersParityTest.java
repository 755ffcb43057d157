// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

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
                    assertThat(token).isEqualTo(answer[step]);
                    found =
                            decoder.forward(
                                    new int[] {token},
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
