// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import io.kvlink.djl.model.SamplingParams;
import java.util.List;
import java.util.OptionalInt;

/**
 * The body of {@code POST /v1/completions}, checked as far as that needs no model.
 *
 * @param model the name asked for; empty if none was
 * @param prompts at least one
 * @param maxTokens most tokens of each answer, at least 1; empty if not given
 * @param minTokens from 0, at most {@code maxTokens}
 * @param sampling how tokens are chosen
 * @param stop texts that end an answer
 * @param stream true to send tokens as they come
 * @param includeUsage true to end a stream with a chunk of figures
 * @param ignoreEos true to go on after the end-of-sequence token
 */
record CompletionRequest(
        String model,
        List<Prompt> prompts,
        OptionalInt maxTokens,
        int minTokens,
        SamplingParams sampling,
        List<String> stop,
        boolean stream,
        boolean includeUsage,
        boolean ignoreEos) {

    /** A text, or its tokens. */
    sealed interface Prompt {}

    /** To be tokenised by the model's tokenizer. */
    record TextPrompt(String text) implements Prompt {}

    /** Used as they are. */
    @SuppressWarnings("ArrayRecordComponent") // Handed on to the worker, never changed.
    record TokenPrompt(int[] tokens) implements Prompt {}
}
