// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.engine;

/**
 * Settings for computing the next tokens of several sequences.
 *
 * @param batch together or not
 * @param maxBatch most sequences of one batch
 * @param threads on which parts of a batch are computed at the same time; a GPU uses one
 */
public record DecodeSettings(DecodeBatch batch, int maxBatch, int threads) {
    /** Together, up to 64 on one thread. */
    public static final DecodeSettings DEFAULT = new DecodeSettings(DecodeBatch.FAST, 64, 1);
}
