// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.engine;

import org.jspecify.annotations.Nullable;

/**
 * One sequence's next token in a batch.
 *
 * @param slots of the sequence; borrowed
 * @param position of the token in its sequence
 * @param token what is computed; {@link #PICKED} for the token that the picker's previous row
 *     picks, which may not be known yet; only with a picker
 * @param picker picks the token behind it; null if none is wanted
 * @param mayEnd whether the picker's enders may be picked
 */
public record DecodeRow(
        KvSlots slots, int position, int token, @Nullable TokenPicker picker, boolean mayEnd) {

    /** The token that the picker picked last. */
    public static final int PICKED = -1;
}
