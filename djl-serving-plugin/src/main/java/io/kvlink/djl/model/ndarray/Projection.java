// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.kvlink.djl.tensor.PackedLinear;
import org.jspecify.annotations.Nullable;

/**
 * A matrix that rows are multiplied with. The matrix lies in memory with its longer side as rows.
 * For a single token the product is bound by memory, which long rows stream up to three times
 * faster.
 *
 * @param weight {@code [in, out]}, or {@code [out, in]} if {@code outRows}; float32 or what the
 *     model is computed in
 * @param bias {@code [out]}, float32, added to each row; null if there is none
 * @param packed the same matrix for {@link PackedLinear}; null if there is none
 */
record Projection(
        NDArray weight, boolean outRows, @Nullable NDArray bias, @Nullable NDArray packed) {
    // The default of max_batch.
    private static final int SLOW_HALF_ROWS = 64;

    /** Takes the matrix, {@code [out, in]} as checkpoints have it. */
    static Projection take(NDArray matrix) {
        long out = matrix.getShape().get(0);
        long in = matrix.getShape().get(1);
        if (out < in) {
            return new Projection(matrix, true, null, null);
        }
        try (NDArray columns = matrix.transpose();
                NDArray flat = columns.flatten()) {
            matrix.close();
            return new Projection(flat.reshape(new Shape(in, out)), false, null, null);
        }
    }

    /** Borrows the matrix, {@code [out, in]}, as it lies. */
    static Projection over(NDArray matrix) {
        return new Projection(matrix, true, null, null);
    }

    /** {@code [rows, in]} to {@code [rows, out]}, both float32. */
    NDArray apply(NDArray x) {
        if (packed != null && x.getShape().get(0) > 1) {
            return PackedLinear.apply(x, packed, bias);
        }
        NDArray product = TorchOps.wide(product(x));
        if (bias != null) {
            product.addi(bias);
        }
        return product;
    }

    /** Adds {@link #apply} to {@code sum}. */
    void addTo(NDArray sum, NDArray x) {
        sum.addi(apply(x));
    }

    /** The rows' products with the matrix, in the type that is computed in. */
    private NDArray product(NDArray rows) {
        if (slowInHalf(rows)) {
            try (NDArray wide = TorchOps.wide(weight)) {
                return TorchOps.linear(rows, wide);
            }
        }
        NDArray x = TorchOps.as(rows, weight);
        return outRows ? TorchOps.linear(x, weight) : x.matMul(weight);
    }

    // On a CPU libtorch has no fast product of many float16 rows: converting the matrix each time
    // takes a fraction of the time. Batches of decodes are smaller, unless somebody asks for more.
    private boolean slowInHalf(NDArray rows) {
        return weight.getDataType() == DataType.FLOAT16
                && rows.getShape().get(0) > SLOW_HALF_ROWS
                && !weight.getDevice().isGpu();
    }
}
