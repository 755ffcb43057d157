// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.djl.model.config.ModelLoadException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CheckpointTest {
    private static final Path SHARDED = Path.of("src/test/resources/checkpoints/llama2-sharded");
    private static final String LAST = "model-00004-of-00004.safetensors";

    private static final String NORM = "model.layers.0.input_layernorm.weight";

    @TempDir private Path directory;

    @BeforeEach
    void copyShards() throws IOException {
        try (Stream<Path> files = Files.list(SHARDED)) {
            files.filter(file -> !file.getFileName().toString().startsWith("expected"))
                    .forEach(file -> copy(file, directory.resolve(file.getFileName())));
        }
    }

    @Test
    void shouldReadPiecesOfTensorsFromAllShards() {
        try (Checkpoint checkpoint = Checkpoint.open(directory)) {
            for (String name : List.of("model.embed_tokens.weight", "lm_head.weight")) {
                FloatBuffer whole = FloatBuffer.allocate(160 * 48);
                checkpoint.read(name, 0, whole, 160, 48);
                FloatBuffer piece = FloatBuffer.allocate(100);
                checkpoint.read(name, 77, piece, 160, 48);
                assertThat(piece.flip()).isEqualTo(whole.slice(77, 100));
            }
            assertThatThrownBy(
                            () ->
                                    checkpoint.read(
                                            "model.norm.weight", 0, FloatBuffer.allocate(49), 48))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("tensor=model.norm.weight first=0 count=49");
        }
    }

    @Test
    void shouldNameItsFiles() throws IOException {
        assertThat(Checkpoint.files(directory))
                .extracting(file -> file.getFileName().toString())
                .containsExactly(
                        "model-00001-of-00004.safetensors",
                        "model-00002-of-00004.safetensors",
                        "model-00003-of-00004.safetensors",
                        LAST);
        // As transformers does: one file counts more than an index.
        Files.write(directory.resolve("model.safetensors"), new byte[0]);
        assertThat(Checkpoint.files(directory))
                .containsExactly(directory.resolve("model.safetensors"));
    }

    @Test
    void shouldNameAMissingShard() throws IOException {
        Files.delete(directory.resolve(LAST));
        assertRefused("missing=[" + LAST + "]; 1 of its 4 shards aren't there");
    }

    @Test
    void shouldNameATensorThatItsShardLacks() throws IOException {
        replaceInIndex(
                "\"model.norm.weight\": \"" + LAST,
                "\"model.norm.weight\": \"model-00001-of-00004.safetensors");
        assertRefused("tensor=model.norm.weight missing in shard=model-00001-of-00004.safetensors");
    }

    @Test
    void shouldNameATensorThatIsInNoShard() throws IOException {
        // An index of one tensor fewer, and of no comma too many: it isn't the last.
        String line = "    \"" + NORM + "\": \"%s\",\n";
        replaceInIndex(line.formatted("model-00002-of-00004.safetensors"), "");
        try (Checkpoint checkpoint = Checkpoint.open(directory)) {
            FloatBuffer to = FloatBuffer.allocate(48);
            assertThatThrownBy(() -> checkpoint.read(NORM, 0, to, 48))
                    .isInstanceOf(ModelLoadException.class)
                    .hasMessageContaining("model.safetensors.index.json")
                    .hasMessageContaining("tensor=" + NORM + " missing; it names 20 tensors");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "../model.safetensors",
                "/etc/model.safetensors",
                "sub/model.safetensors",
                "..\\\\model.safetensors",
                "C:model.safetensors",
                ".safetensors",
                "model.bin",
                "",
            })
    void shouldRefuseShardsElsewhere(String shard) throws IOException {
        replaceInIndex("\"" + LAST + "\"", "\"" + shard + "\"");
        assertRefused("expected=the name of a .safetensors file in the same directory");
    }

    @ParameterizedTest
    @ValueSource(strings = {"[]", "{}", "{\"weight_map\":1}", "{\"weight_map\":{\"a\":1}}", ""})
    void shouldRefuseAnIndexThatIsNone(String json) throws IOException {
        Files.writeString(index(), json);
        assertRefused("file=" + index());
    }

    @Test
    void shouldSayWhatItReadsIfThereIsNothing() throws IOException {
        Files.delete(index());
        assertRefused("model.safetensors not readable; weights are read from model.safetensors");
    }

    private Path index() {
        return directory.resolve("model.safetensors.index.json");
    }

    private void assertRefused(String message) {
        assertThatThrownBy(() -> Checkpoint.open(directory).close())
                .isInstanceOf(ModelLoadException.class)
                .hasMessageContaining(message);
    }

    private void replaceInIndex(String from, String to) throws IOException {
        String before = Files.readString(index());
        String after = before.replace(from, to);
        assertThat(after).isNotEqualTo(before);
        Files.writeString(index(), after);
    }

    private static void copy(Path from, Path to) {
        try {
            Files.copy(from, to);
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }
}
