// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import java.util.List;

/**
 * The body of {@code POST /v1/completions}, checked as far as that needs no model.
 *
 * @param options what is asked for
 * @param prompts at least one; together with the choices at most {@link
 *     GenerationFields#MAX_CHOICES} answers
 * @param echo true to begin each answer with its prompt
 * @param addSpecialTokens whether texts get the special tokens that the tokenizer adds
 */
record CompletionRequest(
        GenerationOptions options, List<Prompt> prompts, boolean echo, boolean addSpecialTokens) {

    /** A text, or its tokens. */
    sealed interface Prompt {}

    /** To be tokenised by the model's tokenizer. */
    record TextPrompt(String text) implements Prompt {}

    /** Used as they are. */
    @SuppressWarnings("ArrayRecordComponent") // Handed on to the worker, never changed.
    record TokenPrompt(int[] tokens) implements Prompt {}
}
