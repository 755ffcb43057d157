// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.djl.engine.DecodeRow;
import java.util.Arrays;

/**
 * Tokens of one sequence: its prompt, and the answer as far as it is known. They outlive the slots.
 * Belongs to the scheduler's thread.
 */
final class KnownTokens {

    private static final int FIRST_ANSWERED = 16;

    private final int[] prompt;
    private int[] answered = new int[FIRST_ANSWERED];
    private int answeredCount;

    /** Tokens of a prompt, which is not copied. */
    KnownTokens(int[] prompt) {
        this.prompt = prompt;
    }

    int promptCount() {
        return prompt.length;
    }

    int count() {
        return prompt.length + answeredCount;
    }

    /** Token at a position; {@link DecodeRow#PICKED} behind the last known one. */
    int at(int position) {
        if (position < prompt.length) {
            return prompt[position];
        }
        int index = position - prompt.length;
        return index < answeredCount ? answered[index] : DecodeRow.PICKED;
    }

    /** Copy of a part of the prompt. */
    int[] ofPrompt(int position, int tokens) {
        return Arrays.copyOfRange(prompt, position, position + tokens);
    }

    /** True if the answer has begun. */
    boolean answering() {
        return answeredCount > 0;
    }

    /** The answer has one more token. */
    void append(int token) {
        if (answeredCount == answered.length) {
            answered = Arrays.copyOf(answered, 2 * answeredCount);
        }
        answered[answeredCount++] = token;
    }
}
