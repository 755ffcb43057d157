// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import io.kvlink.djl.model.config.JsonFields;
import io.kvlink.djl.model.config.ModelConfig;
import io.kvlink.djl.model.weights.Safetensors;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * Results of Hugging Face's transformers for the checkpoints beside {@code checkpoints/make.py},
 * which wrote them down.
 *
 * @param logits for each prompt one row of the vocabulary for each token of the answer
 */
public record Expected(List<int[]> prompts, List<int[]> answers, List<float[][]> logits) {
    public static final Path CHECKPOINTS =
            Path.of(System.getProperty("kvlink.checkpoints", "src/test/resources/checkpoints"));

    /** Names of all checkpoints. */
    public static List<String> names() throws IOException {
        try (Stream<Path> files = Files.list(CHECKPOINTS)) {
            return files.filter(Files::isDirectory)
                    .map(folder -> folder.getFileName().toString())
                    .sorted()
                    .toList();
        }
    }

    /** Reads what is beside a checkpoint. */
    public static Expected read(Path folder, ModelConfig config) {
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

    /** Tokens of each answer. */
    public int steps() {
        return answers.get(0).length;
    }
}
