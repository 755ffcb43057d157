// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;

/**
 * Hides later tokens of a chunk from earlier ones: minus infinity above the diagonal, else 0. Keeps
 * the largest one asked for, since each smaller one is its corner. Decoder's thread.
 */
final class CausalMask {
    private static final int FIRST_SIZE = 64;

    private final NDManager manager;
    private NDArray square;
    private int size;

    CausalMask(NDManager manager) {
        this.manager = manager;
        this.size = FIRST_SIZE;
        this.square = create(manager, size);
    }

    /** A view {@code [count, count]}, owned by the caller's manager. */
    NDArray of(NDManager owner, int count) {
        if (count > size) {
            square.close();
            size = count;
            square = create(manager, size);
        }
        NDArray rows = TorchOps.slice(square, 0, 0, count);
        rows.attach(owner);
        return TorchOps.slice(rows, 1, 0, count);
    }

    private static NDArray create(NDManager manager, int size) {
        float[] mask = new float[Math.multiplyExact(size, size)];
        for (int row = 0; row < size; row++) {
            for (int column = row + 1; column < size; column++) {
                mask[row * size + column] = Float.NEGATIVE_INFINITY;
            }
        }
        return manager.create(mask, new Shape(size, size));
    }
}
