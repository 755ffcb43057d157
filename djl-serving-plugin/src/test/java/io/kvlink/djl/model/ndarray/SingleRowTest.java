// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SingleRowTest {
    private static final int MANY = 16;

    @ParameterizedTest
    @CsvSource({"32,96", "64,128", "256,512", "300,77", "350,64", "688,256", "1000,33", "2048,64"})
    void shouldHaveTheBitsOfARowAmongMany(int in, int out) {
        Random random = new Random(in);
        try (NDManager manager = PyTorchRuntime.newManager(Device.cpu())) {
            NDArray matrix = manager.create(numbers(random, out * in), new Shape(out, in));
            Projection plain = Projection.take(matrix);
            NDArray bias = manager.create(numbers(random, out));
            Projection projection =
                    new Projection(plain.weight(), plain.outRows(), bias).withSingleRow(manager);
            if (projection.single() == null) {
                // A library with an order of its own: the decoder fills up rows then.
                System.out.printf("in=%d out=%d no known order%n", in, out);
                return;
            }
            float[] rows = numbers(random, MANY * in);
            NDArray many = projection.apply(manager.create(rows, new Shape(MANY, in)));
            for (int row = 0; row < MANY; row++) {
                float[] one = Arrays.copyOfRange(rows, row * in, row * in + in);
                NDArray x = manager.create(one, new Shape(1, in));
                float[] expected = many.get(row).toFloatArray();
                assertThat(projection.apply(x).toFloatArray()).containsExactly(expected);
                assertThat(projection.onHeap(x)).containsExactly(expected);
                NDArray sum = manager.zeros(new Shape(1, out));
                projection.addTo(sum, x);
                assertThat(sum.toFloatArray()).containsExactly(expected);
            }
        }
    }

    private static float[] numbers(Random random, int count) {
        float[] numbers = new float[count];
        for (int i = 0; i < count; i++) {
            numbers[i] = (float) random.nextGaussian();
        }
        return numbers;
    }
}
