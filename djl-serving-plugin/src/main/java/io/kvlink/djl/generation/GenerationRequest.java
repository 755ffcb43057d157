// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.generation;

import io.kvlink.djl.sampling.SamplingParams;
import io.kvlink.spi.TransferRoute;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * One prompt to be answered.
 *
 * @param requestId the caller's name for it, for logs: {@code X-Request-Id} with the prompt's index
 * @param route between which instances its KV moves; empty to compute everything here
 * @param promptTokens the prompt; not changed by anyone
 * @param maxTokens most tokens of the answer, at least 1
 * @param minTokens the answer doesn't end by itself before so many tokens, from 0
 * @param sampling how tokens are chosen
 * @param stop the answer ends before the first of these texts
 * @param stopTokens any of these tokens ends the answer, and its text isn't part of it
 * @param ignoreEos true: the end-of-sequence token doesn't end the answer
 * @param timeout from the submission; then the request has failed, if it hasn't ended. The worker's
 *     own limit holds too
 * @param joinsPrompt true: the answer's text begins with what becomes of {@link
 *     TextGenerator#uncertain}, to be put behind the rest of the prompt's text
 */
@SuppressWarnings("ArrayRecordComponent") // Shared, not copied: a prompt may be long.
public record GenerationRequest(
        String requestId,
        Optional<TransferRoute> route,
        int[] promptTokens,
        int maxTokens,
        int minTokens,
        SamplingParams sampling,
        List<String> stop,
        List<Integer> stopTokens,
        boolean ignoreEos,
        Optional<Duration> timeout,
        boolean joinsPrompt) {

    public GenerationRequest {
        stop = List.copyOf(stop);
        stopTokens = List.copyOf(stopTokens);
    }

    /** Makes a request without stop tokens, and without a time limit of its own. */
    public GenerationRequest(
            String requestId,
            Optional<TransferRoute> route,
            int[] promptTokens,
            int maxTokens,
            int minTokens,
            SamplingParams sampling,
            List<String> stop,
            boolean ignoreEos) {
        this(
                requestId,
                route,
                promptTokens,
                maxTokens,
                minTokens,
                sampling,
                stop,
                List.of(),
                ignoreEos,
                Optional.empty(),
                false);
    }
}
