// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The body of {@code POST /v1/chat/completions}, checked as far as that needs no model.
 *
 * @param options what is asked for
 * @param messages at least one, each with a {@code role} and a {@code content} that is a text; as a
 *     chat template reads them
 * @param addSpecialTokens whether the tokenizer adds its special tokens to those that the template
 *     writes
 * @param addGenerationPrompt whether the prompt ends with the beginning of an answer
 * @param templateArguments further variables of the template; null stands for none
 */
record ChatRequest(
        GenerationOptions options,
        List<Map<String, Object>> messages,
        boolean addSpecialTokens,
        boolean addGenerationPrompt,
        Map<String, @Nullable Object> templateArguments) {}
