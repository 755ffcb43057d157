// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import org.jspecify.annotations.Nullable;

/**
 * A matrix that rows are multiplied with. It lies in memory with its longer side as rows: for a
 * single token the product is bound by memory, which long rows stream up to three times faster.
 *
 * @param weight {@code [in, out]}, or {@code [out, in]} if {@code outRows}; float32 or what the
 *     model is computed in
 * @param bias {@code [out]}, float32, added to each row; null if there is none
 */
record Projection(NDArray weight, boolean outRows, @Nullable NDArray bias) {
    /** Takes the matrix, {@code [out, in]} as checkpoints have it. */
    static Projection take(NDArray matrix) {
        long out = matrix.getShape().get(0);
        long in = matrix.getShape().get(1);
        if (out < in) {
            return new Projection(matrix, true, null);
        }
        try (NDArray columns = matrix.transpose();
                NDArray flat = columns.flatten()) {
            matrix.close();
            return new Projection(flat.reshape(new Shape(in, out)), false, null);
        }
    }

    /** Borrows the matrix, {@code [out, in]}, as it lies. */
    static Projection over(NDArray matrix) {
        return new Projection(matrix, true, null);
    }

    /** {@code [rows, in]} to {@code [rows, out]}, both float32. */
    NDArray apply(NDArray x) {
        NDArray product = TorchOps.wide(product(TorchOps.as(x, weight)));
        if (bias != null) {
            product.addi(bias);
        }
        return product;
    }

    private NDArray product(NDArray x) {
        return outRows ? TorchOps.linear(x, weight) : x.matMul(weight);
    }
}
