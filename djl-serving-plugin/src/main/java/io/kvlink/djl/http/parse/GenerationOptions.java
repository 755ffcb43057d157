// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http.parse;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Options of a request beside its prompts, checked as far as that needs no model.
 *
 * @param model the name asked for; empty if none was
 * @param maxTokens most tokens of each answer, at least 1; empty if not given
 * @param minTokens from 0, at most {@code maxTokens}
 * @param choices answers to each prompt, from 1
 * @param sampling how tokens are chosen
 * @param logprobs alternatives to tell of each token, from 0; empty for no log-probabilities
 * @param stop texts that end an answer
 * @param stopTokens tokens that end an answer
 * @param stream true to send tokens as they come
 * @param includeUsage true to end a stream with a chunk of figures
 * @param ignoreEos true to go on after the end-of-sequence token
 * @param timeout from submission to the end of the answer
 */
public record GenerationOptions(
        String model,
        OptionalInt maxTokens,
        int minTokens,
        int choices,
        SamplingFields sampling,
        OptionalInt logprobs,
        List<String> stop,
        List<Integer> stopTokens,
        boolean stream,
        boolean includeUsage,
        boolean ignoreEos,
        Optional<Duration> timeout) {}
