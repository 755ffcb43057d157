// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.weights;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.djl.model.TinyModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelFingerprintTest {

    @TempDir Path directory;

    @Test
    void shouldBeEqualForEqualModelsOnly() throws IOException {
        String one = ModelFingerprint.of(TinyModels.write(directory.resolve("a"), 1));
        assertThat(one).matches("sha256:[0-9a-f]{64}");
        Path same = TinyModels.write(directory.resolve("b"), 1);
        assertThat(ModelFingerprint.of(same)).isEqualTo(one);
        assertThat(ModelFingerprint.of(TinyModels.write(directory.resolve("c"), 2)))
                .isNotEqualTo(one);
        Files.writeString(
                same.resolve("config.json"), " ", java.nio.file.StandardOpenOption.APPEND);
        assertThat(ModelFingerprint.of(same)).isNotEqualTo(one);
    }

    @Test
    void shouldReadTheFirstAndLastByteOfALargeFile() throws IOException {
        Path model = directory.resolve("large");
        Files.createDirectories(model);
        Files.writeString(model.resolve("config.json"), "{}");
        Path weights = model.resolve("model.safetensors");
        byte[] bytes = new byte[3 << 20];
        Files.write(weights, bytes);
        String zeros = ModelFingerprint.of(model, 1 << 20);
        bytes[0] = 1;
        Files.write(weights, bytes);
        String first = ModelFingerprint.of(model, 1 << 20);
        bytes[0] = 0;
        bytes[bytes.length - 1] = 1;
        Files.write(weights, bytes);
        String last = ModelFingerprint.of(model, 1 << 20);
        assertThat(zeros).isNotEqualTo(first).isNotEqualTo(last);
        assertThat(first).isNotEqualTo(last);
    }
}
