// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import io.kvlink.djl.model.ndarray.TestManagers;
import io.kvlink.spi.Availability;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PackedLinearTest {

    private final NDManager manager = TestManagers.cpu();
    private final Random random = new Random(7);

    @AfterEach
    void close() {
        manager.close();
    }

    @Test
    void shouldBeUsableWithTheEngineOfTheTests() {
        assertThat(PackedLinear.availability()).isEqualTo(Availability.usable());
    }

    /** Sizes that are no multiples of what oneDNN lays out together, too. */
    @ParameterizedTest
    @CsvSource({"1,1,1", "1,5,7", "2,64,96", "3,100,33", "16,264,712", "37,712,25", "130,48,1000"})
    void shouldMultiplyAsADoubleLoopDoes(int rows, int in, int out) {
        float[] x = numbers(rows * in);
        float[] matrix = numbers(out * in);
        float[] bias = numbers(out);
        try (NDArray weight = manager.create(matrix, new Shape(out, in));
                NDArray packed = PackedLinear.pack(weight)) {
            NDArray ofRows = manager.create(x, new Shape(rows, in));
            NDArray plain = PackedLinear.apply(ofRows, packed, null);
            NDArray shifted = PackedLinear.apply(ofRows, packed, manager.create(bias));
            assertThat(plain.getShape()).isEqualTo(new Shape(rows, out));
            float[] products = plain.toFloatArray();
            float[] sums = shifted.toFloatArray();
            for (int i = 0; i < products.length; i++) {
                double expected = product(x, i / out, matrix, i % out, in);
                assertThat((double) products[i]).isCloseTo(expected, within(1e-4));
                assertThat((double) sums[i]).isCloseTo(expected + bias[i % out], within(1e-4));
            }
        }
    }

    @Test
    void shouldKeepNothingOfTheMatrix() {
        NDArray weight = manager.create(new float[] {1, 2, 3, 4}, new Shape(2, 2));
        NDArray packed = PackedLinear.pack(weight);
        weight.muli(0);
        weight.close();
        NDArray rows = manager.create(new float[] {1, 10}, new Shape(1, 2));
        assertThat(PackedLinear.apply(rows, packed, null).toFloatArray()).containsExactly(21, 43);
    }

    @Test
    void shouldGiveTheProductToTheRowsManager() {
        NDArray packed = PackedLinear.pack(manager.zeros(new Shape(3, 2)));
        try (NDManager scratch = manager.newSubManager()) {
            NDArray product = PackedLinear.apply(scratch.zeros(new Shape(1, 2)), packed, null);
            assertThat(product.getManager()).isSameAs(scratch);
        }
    }

    @Test
    void shouldRefuseOtherTypes() {
        assertThatThrownBy(
                        () -> PackedLinear.pack(manager.zeros(new Shape(2, 2), DataType.FLOAT16)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("type=float16 device=cpu() expected=float32 on the CPU");
    }

    @Test
    void shouldSayWhichSizesDontFit() {
        NDArray packed = PackedLinear.pack(manager.zeros(new Shape(3, 2)));
        assertThatThrownBy(() -> PackedLinear.apply(manager.zeros(new Shape(1, 5)), packed, null))
                .isInstanceOfSatisfying(
                        KvConnectorException.class,
                        failed -> assertThat(failed.error()).isEqualTo(KvError.NATIVE_CALL_FAILED))
                .hasMessageContaining("rows=(1, 5) matrix=(3, 2)");
    }

    /** A tensor's memory is given back when nothing refers to it any more. */
    @Test
    void shouldHoldNothingOfAMatrixThatLibtorchRefuses() {
        NDArray packs = manager.zeros(new Shape(3, 2));
        PackedLinear.pack(packs).close();
        assertThat(references(packs)).isOne();
        for (Shape shape :
                new Shape[] {new Shape(), new Shape(5), new Shape(2, 2, 2), new Shape(0, 3)}) {
            NDArray refused = manager.zeros(shape);
            for (int i = 0; i < 3; i++) {
                assertThatThrownBy(() -> PackedLinear.pack(refused))
                        .isInstanceOf(KvConnectorException.class)
                        .hasMessageContaining("shape=" + shape);
            }
            assertThat(references(refused)).as("%s", shape).isOne();
        }
    }

    // A handle is the address of a tensor, which is the address of its contents: a table of
    // functions, then the number of references.
    private static int references(NDArray array) {
        Pointer tensor = new Pointer(((PtNDArray) array).getHandle());
        return tensor.getPointer(0).getInt(Native.POINTER_SIZE);
    }

    @Test
    void shouldBeMissingWhereAFunctionIs() {
        for (String hidden :
                new String[] {"aoti_torch_call_dispatcher", "aoti_torch_cpu__linear_pointwise"}) {
            ShimPart<PackedLinear> found =
                    PackedLinear.probe(
                            name -> {
                                if (name.equals(hidden)) {
                                    throw new UnsatisfiedLinkError(name);
                                }
                                return TorchShim.symbol(name);
                            });
            assertThat(found.availability().reason()).endsWith("oneDNN: " + hidden);
            assertThatThrownBy(found::required)
                    .isInstanceOf(KvConnectorException.class)
                    .hasMessageContaining(hidden);
        }
    }

    private float[] numbers(int count) {
        float[] numbers = new float[count];
        for (int i = 0; i < count; i++) {
            numbers[i] = random.nextFloat() - 0.5f;
        }
        return numbers;
    }

    private static double product(float[] x, int row, float[] matrix, int column, int in) {
        double sum = 0;
        for (int i = 0; i < in; i++) {
            sum += (double) x[row * in + i] * matrix[column * in + i];
        }
        return sum;
    }
}
