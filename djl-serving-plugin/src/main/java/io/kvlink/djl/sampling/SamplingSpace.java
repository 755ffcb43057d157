// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.sampling;

/**
 * Room for one vocabulary's weights, shared by all samplers of a thread. An array of its own for
 * each request would cost more than the sampling. One thread.
 */
public final class SamplingSpace {
    private double[] weights = new double[0];
    private int[] tokens = new int[0];

    /** Space for at least so many numbers, with any content. */
    double[] weights(int size) {
        if (weights.length < size) {
            weights = new double[size];
        }
        return weights;
    }

    /** Space for at least so many ids, with any content. */
    int[] tokens(int size) {
        if (tokens.length < size) {
            tokens = new int[size];
        }
        return tokens;
    }
}
