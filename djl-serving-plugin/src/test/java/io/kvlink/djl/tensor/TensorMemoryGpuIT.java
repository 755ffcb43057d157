// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.kvlink.djl.model.ndarray.TestManagers;
import io.kvlink.spi.DType;
import io.kvlink.spi.KvConnectorException;
import java.nio.ByteBuffer;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Addresses of a real GPU, with a libtorch that has CUDA. */
class TensorMemoryGpuIT {

    private final NDManager gpu = TestManagers.gpu(0);

    @AfterEach
    void close() {
        gpu.close();
    }

    @Test
    void shouldShareMemoryBothWays() {
        NDArray owner = gpu.zeros(new Shape(4, 8), DataType.FLOAT32);
        NDArray view =
                TensorMemory.over(gpu, TensorMemory.address(owner), DType.F32, owner.getShape());
        assertThat(view.getDevice()).isEqualTo(gpu.getDevice());
        view.get(1).addi(3);
        assertThat(owner.get(1).toFloatArray()).containsOnly(3);
        owner.addi(1);
        assertThat(view.get(0).toFloatArray()).containsOnly(1);
        view.close();
        assertThat(owner.get(1).toFloatArray()).containsOnly(4);
    }

    @Test
    void shouldGiveTheAddressesOfSlices() {
        NDArray array = gpu.zeros(new Shape(5, 7, 3), DataType.FLOAT32);
        long base = TensorMemory.address(array);
        assertThat(base).isNotZero();
        assertThat(TensorMemory.address(array.get(3))).isEqualTo(base + 3 * 7 * 3 * 4);
        assertThatThrownBy(() -> TensorMemory.address(array.transpose()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("expected a contiguous array");
    }

    @ParameterizedTest
    @EnumSource
    void shouldPassTheBytesOfEachTypeUntouched(DType type) {
        byte[] random = new byte[4096];
        new Random(type.key().hashCode()).nextBytes(random);
        NDArray bytes = gpu.create(ByteBuffer.wrap(random), new Shape(4096), DataType.INT8);
        NDArray typed =
                TensorMemory.over(
                        gpu, TensorMemory.address(bytes), type, new Shape(4, 1024 / type.bytes()));
        // A kernel of this type writes new memory; only then are its bytes read.
        NDArray copy = typed.duplicate();
        assertThat(TensorMemory.address(copy)).isNotEqualTo(TensorMemory.address(bytes));
        NDArray seen =
                TensorMemory.over(gpu, TensorMemory.address(copy), DType.I8, new Shape(4096));
        byte[] found = new byte[4096];
        seen.toByteBuffer(true).get(found);
        assertThat(found).isEqualTo(random);
    }

    @Test
    void shouldRefuseMemoryOfAnotherDevice() {
        try (NDManager cpu = TestManagers.cpu()) {
            long host = TensorMemory.address(cpu.zeros(new Shape(16)));
            assertThatThrownBy(() -> TensorMemory.over(gpu, host, DType.F32, new Shape(16)))
                    .isInstanceOf(KvConnectorException.class)
                    .hasMessageContaining("is the memory on that device?");
        }
        long first = TensorMemory.address(gpu.zeros(new Shape(16)));
        try (NDManager second = TestManagers.gpu(1)) {
            assertThatThrownBy(() -> TensorMemory.over(second, first, DType.F32, new Shape(16)))
                    .isInstanceOf(KvConnectorException.class)
                    .hasMessageContaining("device=gpu(1)");
        }
    }
}
