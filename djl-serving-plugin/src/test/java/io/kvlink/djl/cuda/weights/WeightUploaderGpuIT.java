// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.kvlink.cuda.Gpu;
import io.kvlink.cuda.PinnedMemory;
import io.kvlink.djl.cuda.blas.ElementType;
import io.kvlink.djl.model.config.ModelLoadException;
import io.kvlink.djl.model.weights.Checkpoint;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Uploads to a real GPU. */
class WeightUploaderGpuIT {

    private static final int EVERY_HALF = 1 << 16;

    @TempDir private Path directory;

    private Gpu device;

    @BeforeEach
    void open() {
        assumeTrue(Gpu.availability().ready(), Gpu.availability().reason());
        device = Gpu.open(0);
    }

    @AfterEach
    void close() {
        if (device != null) {
            device.close();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "F32, F32",
        "F32, BF16",
        "F32, F16",
        "BF16, F32",
        "BF16, BF16",
        "F16, F32",
        "F16, F16",
        "F16, BF16"
    })
    void shouldRoundEveryValueToTheNearest(ElementType from, ElementType to) throws Exception {
        byte[] values = from == ElementType.F32 ? floats(to) : everyPattern();
        int count = values.length / from.bytes();
        ByteBuffer read = uploaded(from, to, values);
        ByteBuffer source = ByteBuffer.wrap(values).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < count; i++) {
            float value = widened(source, i, from);
            float found = widened(read, i, to);
            if (Float.isNaN(value)) {
                assertThat(found).isNaN();
            } else if (Float.floatToRawIntBits(found)
                    != Float.floatToRawIntBits(rounded(value, to))) {
                assertThat(found).as("of %s", value).isEqualTo(rounded(value, to));
            }
        }
    }

    @Test
    void shouldUploadMoreThanTheBuffersHold() throws Exception {
        byte[] values = new byte[200_000_002];
        new Random(5).nextBytes(values);
        ByteBuffer read = uploaded(ElementType.BF16, ElementType.BF16, values);
        assertThat(read).isEqualTo(ByteBuffer.wrap(values));
    }

    @ParameterizedTest
    @CsvSource({"65504, false", "65505, true", "-1e9, true", "NaN, true"})
    void shouldSeeWhatFloat16DoesNotHold(float value, boolean refused) {
        ByteBuffer values = ByteBuffer.allocate(3000).order(ByteOrder.LITTLE_ENDIAN);
        values.putFloat(2000, value);
        if (!refused) {
            assertThatCode(() -> uploaded(ElementType.F32, ElementType.F16, values.array()))
                    .doesNotThrowAnyException();
            return;
        }
        assertThatThrownBy(() -> uploaded(ElementType.F32, ElementType.F16, values.array()))
                .isInstanceOf(ModelLoadException.class)
                .hasMessageContaining("tensor=x shape=[750] holds " + Math.abs(value));
    }

    @Test
    void shouldLeaveTheMemoryOfTheDeviceAsItWas() throws Exception {
        byte[] values = new byte[40_000_000];
        uploaded(ElementType.F32, ElementType.F16, values);
        long before = device.freeBytes();
        for (int round = 0; round < 10; round++) {
            uploaded(ElementType.F32, ElementType.F16, values);
        }
        assertThat(device.freeBytes()).isEqualTo(before);
    }

    private ByteBuffer uploaded(ElementType from, ElementType to, byte[] values) throws Exception {
        new WeightFile().with("x", from.name(), values).write(directory);
        long count = values.length / from.bytes();
        long bytes = count * to.bytes();
        long address = device.allocate(bytes);
        try (Checkpoint checkpoint = Checkpoint.open(directory);
                WeightUploader uploader = WeightUploader.open(device, checkpoint, "test");
                PinnedMemory host = device.allocatePinned(bytes)) {
            assertThat(uploader.upload("x", to, address, count)).isEqualTo(bytes);
            uploader.finish();
            long stream = device.newStream();
            device.copyOut(host.address(), address, bytes, stream);
            device.synchronizeStream(stream);
            device.destroyStream(stream);
            ByteBuffer read = ByteBuffer.allocate((int) bytes).order(ByteOrder.nativeOrder());
            return read.put(host.buffer()).flip();
        } finally {
            device.free(address);
        }
    }

    private static byte[] everyPattern() {
        ByteBuffer bytes = ByteBuffer.allocate(2 * EVERY_HALF).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < EVERY_HALF; i++) {
            bytes.putShort((short) i);
        }
        return bytes.array();
    }

    /** Random floats, and halves' neighbourhoods, that the type holds. */
    private static byte[] floats(ElementType to) {
        Random random = new Random(7);
        int count = 300_000;
        ByteBuffer bytes = ByteBuffer.allocate(4 * count).order(ByteOrder.LITTLE_ENDIAN);
        while (bytes.hasRemaining()) {
            int bits = random.nextInt();
            if (random.nextBoolean()) { // ties, and what is beside them
                bits = (bits & 0xffffe000) | (0x1000 + random.nextInt(3) - 1);
            }
            float value = Float.intBitsToFloat(bits);
            if (to == ElementType.F16) {
                value = Math.scalb(value, -Math.max(0, Math.getExponent(value) - 14));
            }
            if (to != ElementType.F16 || Math.abs(value) <= 65504) {
                bytes.putFloat(value);
            }
        }
        return bytes.array();
    }

    private static float widened(ByteBuffer from, int index, ElementType type) {
        return switch (type) {
            case F32 -> from.getFloat(4 * index);
            case BF16 -> Float.intBitsToFloat(from.getShort(2 * index) << 16);
            case F16 -> ofHalf(from.getShort(2 * index));
        };
    }

    private static float ofHalf(short half) {
        int exponent = (half >> 10) & 31;
        int fraction = half & 1023;
        float size =
                exponent == 31
                        ? fraction == 0 ? Float.POSITIVE_INFINITY : Float.NaN
                        : exponent == 0
                                ? Math.scalb((float) fraction, -24)
                                : Math.scalb(1024f + fraction, exponent - 25);
        return half < 0 ? -size : size;
    }

    private static float rounded(float value, ElementType to) {
        if (to == ElementType.F32 || Float.isInfinite(value)) {
            return value;
        }
        int kept = to == ElementType.BF16 ? 7 : 10;
        int lowest = to == ElementType.BF16 ? -126 : -14;
        int unit = Math.max(Math.getExponent(value), lowest) - kept;
        // Exact in double, which rounds ties to even.
        double steps = Math.rint(Math.scalb((double) value, -unit));
        return (float) Math.scalb(steps, unit);
    }
}
