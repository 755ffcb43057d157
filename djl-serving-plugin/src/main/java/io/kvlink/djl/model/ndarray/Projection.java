// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import org.jspecify.annotations.Nullable;

/**
 * A matrix that rows are multiplied with. It lies in memory with its longer side as rows: for a
 * single token the product is bound by memory, which long rows stream up to three times faster.
 *
 * @param weight {@code [in, out]}, or {@code [out, in]} if {@code outRows}; float32 or what the
 *     model is computed in
 * @param bias {@code [out]}, float32, added to each row; null if there is none
 * @param single computes one row as it is computed among many; null: the library does, in its way
 */
record Projection(
        NDArray weight, boolean outRows, @Nullable NDArray bias, @Nullable SingleRow single) {
    // The default of max_batch.
    private static final int SLOW_HALF_ROWS = 64;

    Projection(NDArray weight, boolean outRows, @Nullable NDArray bias) {
        this(weight, outRows, bias, null);
    }

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
        SingleRow alone = alone(x);
        if (alone != null) {
            return alone.apply(x);
        }
        NDArray product = TorchOps.wide(product(x));
        if (bias != null) {
            product.addi(bias);
        }
        return product;
    }

    /** What computes {@code x} on the heap; null if the library does. */
    @Nullable SingleRow alone(NDArray x) {
        return single != null && x.getShape().get(0) == 1 ? single : null;
    }

    /** The same as {@link #apply} on the heap, row by row; valid until the next call. */
    float[] onHeap(NDArray x) {
        SingleRow alone = alone(x);
        return alone == null ? CpuArrays.copy(apply(x)) : alone.onHeap(x);
    }

    /** Adds {@link #apply} to {@code sum}. */
    void addTo(NDArray sum, NDArray x) {
        SingleRow alone = alone(x);
        if (alone == null) {
            sum.addi(apply(x));
        } else {
            CpuArrays.add(alone.onHeap(x), sum);
        }
    }

    /** The rows' products with the matrix, in the type that is computed in. */
    NDArray product(NDArray rows) {
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

    /** Bytes that {@link #withSingleRow} takes of the heap, at most; 0 if it does nothing. */
    long singleRowBytes() {
        long bytes = weight.getShape().size() * Float.BYTES;
        return weight.getDataType() == DataType.FLOAT32 && bytes <= Integer.MAX_VALUE ? bytes : 0;
    }

    /** This one, and one row with the bits of many, if an order of sums is known that has them. */
    Projection withSingleRow(NDManager manager) {
        if (singleRowBytes() == 0) {
            return this;
        }
        return new Projection(weight, outRows, bias, SingleRow.like(manager, this).orElse(null));
    }

    /** Numbers of a row that is multiplied. */
    int inputs() {
        return Math.toIntExact(weight.getShape().get(outRows ? 1 : 0));
    }

    /** Numbers of a row's product. */
    int outputs() {
        return Math.toIntExact(weight.getShape().get(outRows ? 0 : 1));
    }
}
