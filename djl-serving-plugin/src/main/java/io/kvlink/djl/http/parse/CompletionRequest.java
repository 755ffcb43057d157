// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http.parse;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A request for answers, checked as far as that needs no model.
 *
 * @param options what is asked for
 * @param prompts at least one; together with the choices at most {@link
 *     GenerationFields#MAX_CHOICES} answers
 * @param echo true to begin each answer with its prompt
 * @param addSpecialTokens whether texts get the special tokens that the tokenizer adds
 */
public record CompletionRequest(
        GenerationOptions options, List<Prompt> prompts, boolean echo, boolean addSpecialTokens) {

    /** A text, its tokens, or a chat. */
    public sealed interface Prompt {}

    /** A text for the model's tokenizer. */
    public record TextPrompt(String text) implements Prompt {}

    /** Used as they are. */
    @SuppressWarnings("ArrayRecordComponent") // Handed on to the worker, never changed.
    public record TokenPrompt(int[] tokens) implements Prompt {}

    /**
     * Messages for the model's chat template.
     *
     * @param messages at least one, each with a {@code role} and a {@code content} that is a text;
     *     as a chat template reads them
     * @param addGenerationPrompt whether the text ends with the beginning of an answer
     * @param templateArguments further variables of the template; null stands for none
     */
    public record ChatPrompt(
            List<Map<String, Object>> messages,
            boolean addGenerationPrompt,
            Map<String, @Nullable Object> templateArguments)
            implements Prompt {}
}
