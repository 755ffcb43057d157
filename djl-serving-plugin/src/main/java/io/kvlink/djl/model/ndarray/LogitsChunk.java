// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

/**
 * Several tokens of one prompt.
 *
 * @param tokens at least one; borrowed
 * @param position of the first token in its sequence
 * @param slots of the sequence; borrowed
 * @param wantLogits whether the last token's logits are of use
 */
@SuppressWarnings("ArrayRecordComponent") // Passed on, never compared.
record LogitsChunk(int[] tokens, int position, KvRun slots, boolean wantLogits) {}
