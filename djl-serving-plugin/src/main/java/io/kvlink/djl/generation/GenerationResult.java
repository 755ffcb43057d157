// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.generation;

import io.kvlink.spi.TransferOutcome;
import java.util.Optional;

/**
 * End of an answer, and the places where its work was done.
 *
 * @param finishReason why it ended
 * @param promptTokens length of the prompt
 * @param completionTokens tokens of the answer
 * @param computedPromptTokens prompt tokens computed by this instance
 * @param loadedPromptTokens prompt tokens whose KV came from another instance
 * @param transfer the load of the prompt's KV, if there was one
 * @param ttftNanos from submission to the first token
 * @param totalNanos from submission to the end
 */
public record GenerationResult(
        FinishReason finishReason,
        int promptTokens,
        int completionTokens,
        int computedPromptTokens,
        int loadedPromptTokens,
        Optional<TransferOutcome> transfer,
        long ttftNanos,
        long totalNanos) {

    /** Reason why an answer ended. */
    public enum FinishReason {
        /** The model ended it, or a stop string did. */
        STOP,
        /** Greatest length reached. */
        LENGTH
    }
}
