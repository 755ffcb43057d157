// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;

/**
 * Hides later tokens of a tile from earlier ones: minus infinity above the diagonal, else 0.
 *
 * @param square {@code [TILE, TILE]}; a smaller tile's mask is its corner
 */
record CausalMask(NDArray square) {
    /** Most queries of one prompt that attention handles at once. */
    static final int TILE = 128;

    static CausalMask create(NDManager manager) {
        float[] mask = new float[TILE * TILE];
        for (int row = 0; row < TILE; row++) {
            for (int column = row + 1; column < TILE; column++) {
                mask[row * TILE + column] = Float.NEGATIVE_INFINITY;
            }
        }
        return new CausalMask(manager.create(mask, new Shape(TILE, TILE)));
    }

    /** A view {@code [count, count]}, owned by the caller's manager. */
    NDArray of(NDManager owner, int count) {
        NDArray rows = TorchOps.slice(square, 0, 0, count);
        rows.attach(owner);
        return TorchOps.slice(rows, 1, 0, count);
    }

    /** The reverse, {@code [count, count]}: hides earlier tokens from later ones. */
    NDArray past(NDManager owner, int count) {
        return of(owner, count).transpose();
    }
}
