// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

/**
 * One sequence's next token in a batch.
 *
 * @param token what is computed
 * @param position of the token in its sequence
 * @param slots of the sequence; borrowed
 * @param wantLogits whether its logits are of use
 */
public record LogitsRow(int token, int position, KvRun slots, boolean wantLogits) {}
