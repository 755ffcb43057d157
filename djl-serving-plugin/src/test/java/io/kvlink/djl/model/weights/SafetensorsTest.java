// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.djl.model.TinyCheckpoint;
import io.kvlink.djl.model.config.ModelLoadException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsTest {
    private static final TinyCheckpoint CHECKPOINT =
            TinyCheckpoint.random(new TinyCheckpoint.Shape(8, 8, 1, 2, 1, 4, true), 1);

    @TempDir private Path directory;

    /** jqwik's own, since a property has no JUnit temporary directory. */
    private static Path fuzzed;

    @BeforeContainer
    static void createFuzzedFile() throws IOException {
        fuzzed = Files.createTempFile("fuzzed", ".safetensors");
    }

    @AfterContainer
    static void deleteFuzzedFile() throws IOException {
        Files.delete(fuzzed);
    }

    @Test
    void shouldReadEveryTensorExactly() throws IOException {
        for (String type : new String[] {"F32", "BF16"}) {
            try (Safetensors file = Safetensors.open(write(CHECKPOINT.file(type)))) {
                CHECKPOINT
                        .weights()
                        .forEach(
                                (name, values) -> {
                                    FloatBuffer read = FloatBuffer.allocate(values.length);
                                    file.read(name, read, shape(name));
                                    assertThat(read.array()).containsExactly(values);
                                });
            }
        }
    }

    @Test
    void shouldConvertEveryHalf() {
        for (int bits = 0; bits <= 0xffff; bits++) {
            int exponent = bits >> 10 & 31;
            int fraction = bits & 0x3ff;
            double size =
                    exponent == 0
                            ? fraction * 0x1p-24
                            : (1024 + fraction) * Math.pow(2, exponent - 25);
            float found = TensorType.halfToFloat((short) bits);
            if (exponent == 31) {
                assertThat(fraction == 0 ? Float.isInfinite(found) : Float.isNaN(found)).isTrue();
            } else {
                assertThat((double) Math.abs(found)).isEqualTo(size);
            }
            assertThat(Float.floatToRawIntBits(found) < 0).isEqualTo(bits >= 0x8000);
        }
    }

    @Test
    void shouldRefuseTruncatedFile() throws IOException {
        byte[] whole = CHECKPOINT.file("F32");
        Path file = write(Arrays.copyOf(whole, whole.length - 1));
        assertThatThrownBy(() -> Safetensors.open(file))
                .isInstanceOf(ModelLoadException.class)
                .hasMessageContaining("file=" + file)
                .hasMessageContaining("tensor=model.norm.weight")
                .hasMessageContaining("is the file truncated?");
    }

    @Test
    void shouldRefuseEveryTruncation() throws IOException {
        byte[] whole = CHECKPOINT.file("BF16");
        for (int length = 0; length < whole.length; length += 13) {
            Path file = write(Arrays.copyOf(whole, length));
            assertThatThrownBy(() -> Safetensors.open(file))
                    .isInstanceOf(ModelLoadException.class)
                    .hasMessageContaining("file=" + file);
        }
    }

    @Test
    void shouldRefuseWrongShape() throws IOException {
        try (Safetensors file = Safetensors.open(write(CHECKPOINT.file("F32")))) {
            FloatBuffer to = FloatBuffer.allocate(9);
            assertThatThrownBy(() -> file.read("model.norm.weight", to, 9))
                    .isInstanceOf(ModelLoadException.class)
                    .hasMessageContaining("tensor=model.norm.weight shape=[8] bytes=32")
                    .hasMessageContaining("expected=[9]");
        }
    }

    @Test
    void shouldRefuseMissingTensor() throws IOException {
        try (Safetensors file = Safetensors.open(write(CHECKPOINT.file("F32")))) {
            FloatBuffer to = FloatBuffer.allocate(8);
            assertThatThrownBy(() -> file.read("lm_head.weight", to, 8))
                    .isInstanceOf(ModelLoadException.class)
                    .hasMessageContaining("tensor=lm_head.weight missing");
        }
    }

    @Test
    void shouldRefuseTypesThatAreNoWeights() throws IOException {
        Path path = write(file(tensor("a", "F8_E4M3", "[16]", "[0,16]")));
        try (Safetensors file = Safetensors.open(path)) {
            assertThat(file.names()).containsExactly("a");
            assertThatThrownBy(() -> file.read("a", FloatBuffer.allocate(16), 16))
                    .isInstanceOf(ModelLoadException.class)
                    .hasMessageContaining(
                            "tensor=a dtype=F8_E4M3 expected=one of [F32, F16, BF16]");
        }
    }

    @Test
    void shouldRefuseBadHeaders() throws IOException {
        assertRefused("[]", "expected=a JSON object");
        assertRefused("{\"a\":1}", "key=a found=1 expected=an object");
        assertRefused(tensor("a", "F33", "[1]", "[0,4]"), "key=dtype found=F33");
        assertRefused(tensor("a", "F32", "[-1]", "[0,4]"), "key=shape");
        assertRefused(tensor("a", "F32", "[1.5]", "[0,4]"), "key=shape");
        assertRefused(tensor("a", "F32", "[1]", "[4,0]"), "key=data_offsets");
        assertRefused(tensor("a", "F32", "[1]", "[0,1e99]"), "key=data_offsets");
        assertRefused(tensor("a", "F32", "[2]", "[0,4]"), "found=4 expected=8 for F32");
        assertRefused(tensor("a", "F32", "[5]", "[0,20]"), "dataBytes=16 expected=at least 20");
        String huge = "[999999999999999999,999999999999999999]";
        assertRefused(tensor("a", "F32", huge, "[0,4]"), "expected=less than 2^63 bytes");
        String overlapping =
                "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
                        + "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[3,7]}}";
        assertRefused(overlapping, "tensor=b key=begin found=3 expected=4 or more, the end of a");
    }

    @Test
    void shouldRefuseHeaderLengthThatTheFileLacks() throws IOException {
        for (long length : new long[] {-1, 0, 1, 17, 1L << 40, Long.MAX_VALUE}) {
            ByteBuffer bytes = ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN);
            Path file = write(bytes.putLong(length).array());
            assertThatThrownBy(() -> Safetensors.open(file))
                    .isInstanceOf(ModelLoadException.class)
                    .hasMessageContaining("headerBytes=" + length + " expected=2..16");
        }
    }

    @Property(tries = 300)
    void noBytesMakeOpenThrowAnythingElse(@ForAll byte[] bytes) throws IOException {
        openAndExpectNothingElse(bytes);
    }

    @Property(tries = 300)
    void noHeaderMakesOpenThrowAnythingElse(@ForAll String json) throws IOException {
        openAndExpectNothingElse(file(json));
    }

    @Property(tries = 300)
    void noChangedByteMakesOpenThrowAnythingElse(
            @ForAll @IntRange(min = 0, max = 900) int at, @ForAll byte value) throws IOException {
        byte[] bytes = CHECKPOINT.file("BF16");
        bytes[at] = value;
        openAndExpectNothingElse(bytes);
    }

    private static void openAndExpectNothingElse(byte[] bytes) throws IOException {
        Files.write(fuzzed, bytes);
        try (Safetensors file = Safetensors.open(fuzzed)) {
            CHECKPOINT
                    .weights()
                    .forEach(
                            (name, values) ->
                                    file.read(
                                            name,
                                            FloatBuffer.allocate(values.length),
                                            shape(name)));
        } catch (ModelLoadException expected) {
            assertThat(expected).hasMessageContaining("file=");
        }
    }

    private void assertRefused(String header, String message) throws IOException {
        Path file = write(file(header));
        assertThatThrownBy(() -> Safetensors.open(file))
                .isInstanceOf(ModelLoadException.class)
                .hasMessageContaining(message);
    }

    private static String tensor(String name, String type, String shape, String offsets) {
        return "{\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":%s}}"
                .formatted(name, type, shape, offsets);
    }

    private static byte[] file(String header) {
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(8 + json.length + 16)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(json.length)
                .put(json)
                .array();
    }

    private static long[] shape(String name) {
        return Arrays.stream(CHECKPOINT.shapes().get(name)).asLongStream().toArray();
    }

    private Path write(byte[] bytes) throws IOException {
        return Files.write(directory.resolve("model.safetensors"), bytes);
    }
}
