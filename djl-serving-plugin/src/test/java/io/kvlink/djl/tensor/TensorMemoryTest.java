// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.util.passthrough.PassthroughNDManager;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import io.kvlink.djl.model.ndarray.TestManagers;
import io.kvlink.spi.Availability;
import io.kvlink.spi.DType;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import java.nio.ByteBuffer;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TensorMemoryTest {

    private final NDManager manager = TestManagers.cpu();

    @AfterEach
    void close() {
        manager.close();
    }

    @Test
    void shouldBeUsableWithTheEngineOfTheTests() {
        assertThat(TensorMemory.availability(manager)).isEqualTo(Availability.usable());
    }

    @Test
    void shouldGiveTheAddressOfTheDirectBuffer() {
        NDArray array = manager.arange(24f).reshape(2, 3, 4);
        ByteBuffer buffer = array.toByteBuffer(true);
        assertThat(TensorMemory.address(array)).isEqualTo(addressOf(buffer)).isNotZero();
    }

    @Test
    void shouldGiveTheAddressesOfSlices() {
        NDArray array = manager.zeros(new Shape(5, 7, 3), DataType.FLOAT32);
        long base = TensorMemory.address(array);
        assertThat(TensorMemory.address(array.get(3))).isEqualTo(base + 3 * 7 * 3 * 4);
        assertThat(TensorMemory.address(array.get("2:4"))).isEqualTo(base + 2 * 7 * 3 * 4);
        assertThat(TensorMemory.address(array.get(4, 6, 2))).isEqualTo(base + (5 * 7 * 3 - 1) * 4);
        // One row of an axis of its own: in a row, whatever the axis' stride is.
        assertThat(TensorMemory.address(array.get("1:2, 5:6"))).isEqualTo(base + (7 + 5) * 3 * 4);
    }

    @Test
    void shouldShowWritesBothWays() {
        try (Memory memory = new Memory(4 * Float.BYTES)) {
            memory.write(0, new float[] {1, 2, 3, 4}, 0, 4);
            NDArray array = over(memory, DType.F32, 2, 2);
            assertThat(array.getDataType()).isEqualTo(DataType.FLOAT32);
            assertThat(array.getShape()).isEqualTo(new Shape(2, 2));
            assertThat(array.toFloatArray()).containsExactly(1, 2, 3, 4);

            array.get(1).addi(10);
            assertThat(memory.getFloatArray(0, 4)).containsExactly(1, 2, 13, 14);
            memory.setFloat(0, -5);
            assertThat(array.getFloat(0, 0)).isEqualTo(-5);
            assertThat(TensorMemory.address(array)).isEqualTo(Pointer.nativeValue(memory));
        }
    }

    @ParameterizedTest
    @EnumSource
    void shouldPassTheBytesOfEachTypeUntouched(DType type) {
        // All patterns of a byte, so also every kind of NaN.
        int bytes = 4096;
        byte[] random = new byte[bytes];
        new Random(type.key().hashCode()).nextBytes(random);
        try (Memory from = new Memory(bytes);
                Memory to = new Memory(bytes)) {
            from.write(0, random, 0, bytes);
            long elements = bytes / type.bytes();
            NDArray source = over(from, type, 4, elements / 4);
            byte[] seen = new byte[bytes];
            source.toByteBuffer(true).get(seen);
            assertThat(seen).isEqualTo(random);
            assertThat(TensorMemory.address(source.get(1)))
                    .isEqualTo(Pointer.nativeValue(from) + bytes / 4);

            // As a connector would: from address to address, of an array that DJL made.
            NDArray made = source.duplicate();
            Pointer held = new Pointer(TensorMemory.address(made));
            to.write(0, held.getByteArray(0, bytes), 0, bytes);
            assertThat(to.getByteArray(0, bytes)).isEqualTo(random);
        }
    }

    @Test
    void shouldComputeWithTypesThatDjlHasNoNameFor() {
        try (Memory memory = new Memory(8)) {
            memory.setShort(0, (short) 0x3fc0); // 1.5 as bfloat16
            memory.setShort(2, (short) 0xc000); // -2
            NDArray bf16 = over(memory, DType.BF16, 2);
            assertThat(bf16.getDataType()).isEqualTo(DataType.UNKNOWN);
            assertThat(bf16.toType(DataType.FLOAT32, true).toFloatArray())
                    .containsExactly(1.5f, -2);

            memory.setByte(4, (byte) 0x3c); // 1.5 as e4m3
            memory.setByte(5, (byte) 0xc0); // -2
            memory.setByte(6, (byte) 0x3e); // 1.5 as e5m2
            memory.setByte(7, (byte) 0xc0); // -2
            assertThat(floats(memory.share(4), DType.F8_E4M3)).containsExactly(1.5f, -2);
            assertThat(floats(memory.share(6), DType.F8_E5M2)).containsExactly(1.5f, -2);
        }
    }

    @Test
    void shouldFreeTheHeaderOnlyWhenClosed() {
        try (Memory memory = new Memory(64)) {
            memory.clear();
            int before = manager.getManagedArrays().size();
            for (int i = 0; i < 100; i++) {
                over(memory, DType.F32, 16).close();
            }
            NDArray first = over(memory, DType.F32, 16);
            NDArray second = over(memory, DType.F32, 16);
            second.addi(1);
            first.close();
            assertThat(manager.getManagedArrays()).hasSize(before + 1);
            assertThat(second.toFloatArray()).containsOnly(1);
            second.close();
            assertThat(memory.getFloatArray(0, 16)).containsOnly(1);
            assertThat(manager.getManagedArrays()).hasSize(before);
        }
    }

    @Test
    void shouldTakeShapesWithoutAxesAndWithoutElements() {
        try (Memory memory = new Memory(4)) {
            memory.setFloat(0, 7);
            NDArray scalar = over(memory, DType.F32);
            assertThat(scalar.getFloat()).isEqualTo(7);
            assertThat(TensorMemory.address(scalar)).isEqualTo(Pointer.nativeValue(memory));
            assertThat(over(memory, DType.F32, 0, 3).isEmpty()).isTrue();
        }
    }

    @Test
    void shouldRefuseWhatHasNoAddress() {
        NDArray columns = manager.zeros(new Shape(2, 3)).transpose();
        assertThatThrownBy(() -> TensorMemory.address(columns))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "shape=(3, 2) strides=[1, 3]; expected a contiguous array: copy it first");
        assertThatThrownBy(() -> TensorMemory.address(manager.create(new String[] {"a"})))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("type=STRING; text has no memory of its own");
        NDArray closed = manager.zeros(new Shape(1));
        closed.close();
        assertThatThrownBy(() -> TensorMemory.address(closed))
                .isInstanceOf(IllegalStateException.class);
    }

    @Test
    void shouldRefuseWhatCannotBeAnArray() {
        assertRefused(0, new Shape(1), "address=0x0 expected=a multiple of 4, not 0");
        assertRefused(4098, new Shape(1), "address=0x1002 expected=a multiple of 4, not 0");
        assertRefused(
                4096,
                new Shape(-1, 2),
                "shape=[-1, 2] type=float32 expected=known sizes, fewer than 2^63 bytes");
        assertRefused(
                4096,
                new Shape(1L << 31, 1L << 31),
                "shape=[2147483648, 2147483648] type=float32 expected=known sizes, fewer than 2^63"
                        + " bytes");
    }

    @Test
    void shouldSayThatMemoryIsNotOnTheDevice() {
        // This libtorch has no CUDA, so no memory is.
        try (Memory memory = new Memory(64);
                NDManager gpu = manager.newSubManager(Device.gpu(1))) {
            assertThatThrownBy(
                            () ->
                                    TensorMemory.over(
                                            gpu,
                                            Pointer.nativeValue(memory),
                                            DType.F16,
                                            new Shape(4)))
                    .isInstanceOfSatisfying(
                            KvConnectorException.class,
                            refused ->
                                    assertThat(refused.error())
                                            .isEqualTo(KvError.NATIVE_CALL_FAILED))
                    .hasMessageContainingAll(
                            "aoti_torch_create_tensor_from_blob status=1 device=gpu(1) address=0x",
                            "shape=[4] dtype=float16; is the memory on that device?");
            assertThat(gpu.getManagedArrays()).isEmpty();
        }
    }

    @Test
    void shouldSayThatAnotherEngineHasNoAddresses() {
        NDManager other = PassthroughNDManager.INSTANCE;
        assertThat(TensorMemory.availability(other).reason())
                .isEqualTo(
                        "manager=PassthroughNDManager; only arrays of DJL's PyTorch engine have"
                                + " addresses here");
        assertThatThrownBy(() -> TensorMemory.over(other, 4096, DType.I8, new Shape(1)))
                .isInstanceOfSatisfying(
                        KvConnectorException.class,
                        refused -> assertThat(refused.error()).isEqualTo(KvError.UNAVAILABLE));
    }

    private NDArray over(Pointer memory, DType type, long... shape) {
        return TensorMemory.over(manager, Pointer.nativeValue(memory), type, new Shape(shape));
    }

    private float[] floats(Pointer memory, DType type) {
        return over(memory, type, 2).toType(DataType.FLOAT32, true).toFloatArray();
    }

    private void assertRefused(long address, Shape shape, String message) {
        assertThatThrownBy(() -> TensorMemory.over(manager, address, DType.F32, shape))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(message);
    }

    private static long addressOf(ByteBuffer buffer) {
        return Pointer.nativeValue(Native.getDirectBufferPointer(buffer));
    }
}
