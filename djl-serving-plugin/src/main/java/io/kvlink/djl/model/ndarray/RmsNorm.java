// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import ai.djl.ndarray.NDArray;

/**
 * Divides each row by its root mean square. The norm's weight is the next matrix's business.
 *
 * @param eps added to the mean square, a scalar
 */
record RmsNorm(NDArray eps) {
    private static final int[] ROWS = {-1};

    NDArray apply(NDArray x) {
        return x.div(root(x));
    }

    void applyInPlace(NDArray x) {
        x.divi(root(x));
    }

    private NDArray root(NDArray x) {
        NDArray meanSquare = x.square().mean(ROWS, true);
        meanSquare.addi(eps);
        return meanSquare.sqrt();
    }
}
