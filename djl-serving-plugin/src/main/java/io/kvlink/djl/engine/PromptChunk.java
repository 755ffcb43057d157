// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.engine;

import org.jspecify.annotations.Nullable;

/**
 * Several tokens of one prompt.
 *
 * @param slots of the sequence; borrowed
 * @param position of the first token in the sequence; the KV of all before it is in the slots
 * @param tokens at least one; borrowed for the call
 * @param picker picks the token behind the last one; null if none is wanted
 * @param mayEnd whether the picker's enders may be picked
 */
@SuppressWarnings("ArrayRecordComponent") // Passed on, never compared.
public record PromptChunk(
        KvSlots slots, int position, int[] tokens, @Nullable TokenPicker picker, boolean mayEnd) {}
