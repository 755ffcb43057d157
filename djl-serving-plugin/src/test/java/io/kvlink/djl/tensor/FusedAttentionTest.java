// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.kvlink.djl.model.ndarray.TestManagers;
import io.kvlink.spi.Availability;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FusedAttentionTest {

    private final NDManager manager = TestManagers.cpu();
    private final Random random = new Random(11);

    @AfterEach
    void close() {
        manager.close();
    }

    @Test
    void shouldBeUsableWithTheEngineOfTheTests() {
        assertThat(FusedAttention.availability()).isEqualTo(Availability.usable());
    }

    /** Keys lie as a pool has them: a token after the other, each with all heads. */
    @ParameterizedTest
    @CsvSource({"1,1,1,8", "4,2,1,64", "4,2,300,64", "2,7,513,40", "3,1,1100,16"})
    void shouldMixValuesByTheSoftmaxOfTheScores(int heads, int group, int length, int headDim) {
        float[] queries = numbers(heads * group * headDim);
        float[] keys = numbers(length * heads * headDim);
        float[] values = numbers(length * heads * headDim);
        NDArray mixed =
                FusedAttention.apply(
                        manager.create(queries, new Shape(1, heads, group, headDim)),
                        byHead(keys, length, heads, headDim),
                        byHead(values, length, heads, headDim));
        assertThat(mixed.getShape()).isEqualTo(new Shape(1, heads, group, headDim));
        float[] found = mixed.flatten().toFloatArray();
        for (int query = 0; query < heads * group; query++) {
            double[] expected =
                    mix(queries, query, keys, values, query / group, length, heads, headDim);
            for (int i = 0; i < headDim; i++) {
                assertThat((double) found[query * headDim + i])
                        .isCloseTo(expected[i], within(1e-5));
            }
        }
    }

    @Test
    void shouldBeMissingWhereAFunctionIs() {
        ShimPart<FusedAttention> found =
                FusedAttention.probe(
                        name -> {
                            throw new UnsatisfiedLinkError(name);
                        });
        assertThat(found.availability().reason())
                .isEqualTo(
                        "libtorch's attention can't be called; that needs libtorch 2.7 or newer:"
                                + " aoti_torch_cpu__scaled_dot_product_flash_attention_for_cpu");
    }

    private NDArray byHead(float[] rows, int length, int heads, int headDim) {
        return manager.create(rows, new Shape(length, heads, headDim))
                .transpose(1, 0, 2)
                .expandDims(0);
    }

    private static double[] mix(
            float[] queries,
            int query,
            float[] keys,
            float[] values,
            int head,
            int length,
            int heads,
            int headDim) {
        double total = 0;
        double[] mixed = new double[headDim];
        for (int token = 0; token < length; token++) {
            int row = (token * heads + head) * headDim;
            double score = 0;
            for (int i = 0; i < headDim; i++) {
                score += (double) queries[query * headDim + i] * keys[row + i];
            }
            double weight = Math.exp(score);
            total += weight;
            for (int i = 0; i < headDim; i++) {
                mixed[i] += weight * values[row + i];
            }
        }
        for (int i = 0; i < headDim; i++) {
            mixed[i] /= total;
        }
        return mixed;
    }

    private float[] numbers(int count) {
        float[] numbers = new float[count];
        for (int i = 0; i < count; i++) {
            numbers[i] = 2 * random.nextFloat() - 1;
        }
        return numbers;
    }
}
