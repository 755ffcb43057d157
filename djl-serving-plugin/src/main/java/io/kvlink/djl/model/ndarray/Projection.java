// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.kvlink.djl.tensor.PackedLinear;
import org.jspecify.annotations.Nullable;

/**
 * A matrix that rows are multiplied with.
 *
 * @param weight as the layout says; float32 or what the model is computed in
 * @param bias {@code [out]}, float32, added to each row; null if there is none
 */
record Projection(NDArray weight, Layout layout, @Nullable NDArray bias) {
    // The default of max_batch.
    private static final int SLOW_HALF_ROWS = 64;

    /** Numbers of a matrix from which packing it is worth the code that is made for each count. */
    private static final int LEAST_PACKED = 1 << 16;

    /** How a matrix lies in memory. */
    enum Layout {
        /** {@code [in, out]}. */
        IN_ROWS,
        /** {@code [out, in]}, as checkpoints have it. */
        OUT_ROWS,
        /** As oneDNN wants it. */
        PACKED
    }

    /**
     * Takes the matrix, {@code [out, in]} as checkpoints have it, float32 on the CPU. Packed it
     * serves any number of rows; where it can't be packed, or is too small, it is arranged.
     */
    static Projection pack(NDArray matrix) {
        if (matrix.size() < LEAST_PACKED || !PackedLinear.availability().ready()) {
            return arrange(matrix);
        }
        try (matrix) {
            return new Projection(PackedLinear.pack(matrix), Layout.PACKED, null);
        }
    }

    /**
     * Takes the matrix, {@code [out, in]}. Its longer side becomes its rows: for a single token the
     * product is bound by memory, which long rows stream up to three times faster.
     */
    static Projection arrange(NDArray matrix) {
        long out = matrix.getShape().get(0);
        long in = matrix.getShape().get(1);
        if (out < in) {
            return new Projection(matrix, Layout.OUT_ROWS, null);
        }
        try (NDArray columns = matrix.transpose();
                NDArray flat = columns.flatten()) {
            matrix.close();
            return new Projection(flat.reshape(new Shape(in, out)), Layout.IN_ROWS, null);
        }
    }

    /** Borrows the matrix, {@code [out, in]}, as it lies. */
    static Projection over(NDArray matrix) {
        return new Projection(matrix, Layout.OUT_ROWS, null);
    }

    /** {@code [rows, in]} to {@code [rows, out]}, both float32. */
    NDArray apply(NDArray x) {
        if (layout == Layout.PACKED) {
            return PackedLinear.apply(x, weight, bias);
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
        return layout == Layout.OUT_ROWS ? TorchOps.linear(x, weight) : x.matMul(weight);
    }

    // On a CPU libtorch has no fast product of many float16 rows: converting the matrix each time
    // takes a fraction of the time. Batches of decodes are smaller, unless somebody asks for more.
    private boolean slowInHalf(NDArray rows) {
        return weight.getDataType() == DataType.FLOAT16
                && rows.getShape().get(0) > SLOW_HALF_ROWS
                && !weight.getDevice().isGpu();
    }
}
