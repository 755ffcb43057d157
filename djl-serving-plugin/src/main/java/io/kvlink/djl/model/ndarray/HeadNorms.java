// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import org.jspecify.annotations.Nullable;

/**
 * The norms of each head of q and k, before they are rotated; none in most families.
 *
 * @param weights {@code [heads + kvHeads, headDim]}: of each head of q, with the scale of
 *     attention, then of each of k; null if there are none
 */
record HeadNorms(@Nullable NDArray weights) {
    static final HeadNorms NONE = new HeadNorms(null);

    static HeadNorms of(NDArray weights) {
        return new HeadNorms(weights);
    }

    /** A norm's weight for each head, from those that all heads of q, and of k, share. */
    static NDArray weights(NDArray query, int heads, NDArray key, int kvHeads) {
        try (NDArray queries = query.expandDims(0).repeat(0, heads);
                NDArray keys = key.expandDims(0).repeat(0, kvHeads)) {
            return NDArrays.concat(new NDList(queries, keys), 0);
        }
    }

    /** Norms {@code heads}, {@code [positions, heads + kvHeads, headDim]}, in place. */
    void apply(NDArray heads, RmsNorm norm) {
        if (weights != null) {
            norm.applyInPlace(heads);
            heads.muli(weights);
        }
    }
}
