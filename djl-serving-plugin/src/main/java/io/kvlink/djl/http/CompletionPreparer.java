// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import io.kvlink.djl.http.CompletionRequest.Prompt;
import io.kvlink.djl.http.CompletionRequest.TextPrompt;
import io.kvlink.djl.http.CompletionRequest.TokenPrompt;
import io.kvlink.djl.worker.GenerationException;
import io.kvlink.djl.worker.GenerationRequest;
import io.kvlink.djl.worker.TextGenerator;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.TransferRoute;
import io.netty.handler.codec.http.HttpResponseStatus;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Turns a body into generation requests: parses, finds the model, tokenises, checks lengths. Takes
 * as long as the prompts are, so never on an event loop. Thread-safe.
 */
final class CompletionPreparer {

    private static final int DEFAULT_MAX_TOKENS = 16;

    private final ModelDirectory directory;

    CompletionPreparer(ModelDirectory directory) {
        this.directory = directory;
    }

    /**
     * Prepares one request.
     *
     * @param body of {@code POST /v1/completions}
     * @param requestId the client's, or a generated one
     * @throws ApiException if it can't be accepted
     */
    PreparedCompletion prepare(InputStream body, String requestId) {
        CompletionRequest request = CompletionParser.parse(body);
        TextGenerator generator = find(request.model());
        try {
            List<GenerationRequest> requests = new ArrayList<>(request.prompts().size());
            for (Prompt prompt : request.prompts()) {
                requests.add(prepare(request, generator, prompt, requestId, requests.size()));
            }
            return new PreparedCompletion(
                    generator, List.copyOf(requests), request.stream(), request.includeUsage());
        } catch (GenerationException failure) {
            throw ApiException.of(failure);
        }
    }

    /** The model of that name; the only one if the request names none. */
    TextGenerator find(String name) {
        List<TextGenerator> models = directory.models();
        if (name.isEmpty() && models.size() == 1) {
            return models.get(0);
        }
        List<String> known = models.stream().map(TextGenerator::modelName).toList();
        if (name.isEmpty()) {
            throw ApiException.invalid("model", null, "model is missing; expected one of " + known);
        }
        return models.stream()
                .filter(model -> model.modelName().equals(name))
                .findFirst()
                .orElseThrow(
                        () ->
                                new ApiException(
                                        HttpResponseStatus.NOT_FOUND,
                                        "invalid_request_error",
                                        "model",
                                        "model_not_found",
                                        "model=" + name + "; expected one of " + known));
    }

    private static GenerationRequest prepare(
            CompletionRequest request,
            TextGenerator generator,
            Prompt prompt,
            String requestId,
            int index) {
        Optional<TransferRoute> route = route(requestId, index);
        int[] tokens = tokens(prompt, generator);
        int maxTokens = maxTokens(request, tokens.length, generator.contextLength());
        return new GenerationRequest(
                requestId + "-" + index,
                route,
                tokens,
                maxTokens,
                Math.min(request.minTokens(), maxTokens),
                request.sampling(),
                request.stop(),
                request.ignoreEos());
    }

    private static Optional<TransferRoute> route(String requestId, int index) {
        try {
            return TransferRoute.find(requestId, index);
        } catch (KvConnectorException cause) {
            throw ApiException.invalid(
                    "X-Request-Id", "bad_route", String.valueOf(cause.getMessage()));
        }
    }

    private static int[] tokens(Prompt prompt, TextGenerator generator) {
        int[] tokens;
        if (prompt instanceof TextPrompt text) {
            tokens = generator.encode(text.text());
        } else {
            tokens = ((TokenPrompt) prompt).tokens();
        }
        if (tokens.length == 0) {
            throw ApiException.invalid(
                    "prompt", null, "a prompt has no tokens; expected at least one");
        }
        return tokens;
    }

    /** Without {@code max_tokens} an answer is 16 tokens long, or what the context leaves. */
    private static int maxTokens(CompletionRequest request, int promptTokens, int contextLength) {
        int room = contextLength - promptTokens;
        int asked = request.maxTokens().orElse(Math.max(1, Math.min(DEFAULT_MAX_TOKENS, room)));
        if (asked <= room) {
            return asked;
        }
        throw ApiException.invalid(
                promptTokens < contextLength ? "max_tokens" : "prompt",
                "context_length_exceeded",
                "prompt_tokens=%d max_tokens=%d context_length=%d; shorten the prompt or the answer"
                        .formatted(promptTokens, asked, contextLength));
    }
}
