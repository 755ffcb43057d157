// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import io.kvlink.djl.chat.ChatTemplate;
import io.kvlink.djl.chat.ChatTemplateException;
import io.kvlink.djl.generation.GenerationException;
import io.kvlink.djl.generation.TextGenerator;
import io.kvlink.djl.http.answer.ApiException;
import io.kvlink.djl.http.parse.CompletionRequest;
import io.kvlink.djl.http.parse.CompletionRequest.ChatPrompt;
import io.kvlink.djl.http.parse.CompletionRequest.Prompt;
import io.kvlink.djl.http.parse.CompletionRequest.TextPrompt;
import io.kvlink.djl.http.parse.CompletionRequest.TokenPrompt;
import io.kvlink.djl.http.parse.Echo;
import io.kvlink.djl.http.parse.Endpoint;
import io.kvlink.djl.http.parse.GenerationOptions;
import io.kvlink.djl.http.parse.RequestBuilder;
import io.netty.handler.codec.http.HttpResponseStatus;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * Turns a body into generation requests: parses, finds the model, writes the chat as a prompt,
 * tokenises, checks lengths. Takes as long as the prompts are, so never on an event loop.
 * Thread-safe.
 */
final class CompletionPreparer {

    private final ModelDirectory directory;

    CompletionPreparer(ModelDirectory directory) {
        this.directory = directory;
    }

    /**
     * Prepares one request.
     *
     * @param endpoint whose body it is
     * @param body of the request
     * @param bytes its length
     * @param requestId the client's, or a generated one
     * @throws ApiException if it can't be accepted
     */
    PreparedCompletion prepare(Endpoint endpoint, InputStream body, int bytes, String requestId) {
        try {
            requireWelcome(bytes);
            CompletionRequest request = endpoint.parse(body, mostTokens());
            TextGenerator generator = find(request.options().model(), bytes, requestId);
            return prepare(endpoint, request, generator, requestId);
        } catch (GenerationException failure) {
            throw ApiException.of(failure, requestId);
        }
    }

    private static PreparedCompletion prepare(
            Endpoint endpoint,
            CompletionRequest request,
            TextGenerator generator,
            String requestId) {
        GenerationOptions options = request.options();
        RequestBuilder builder = new RequestBuilder(endpoint, generator, options, requestId);
        List<Prompt> prompts =
                request.prompts().stream().map(prompt -> written(prompt, generator)).toList();
        // Of several prompts none is tokenised if one is too long.
        for (Prompt prompt : prompts) {
            if (prompt instanceof TextPrompt text) {
                builder.requireShort(text.text());
            }
        }
        List<int[]> tokens = new ArrayList<>(prompts.size());
        for (Prompt prompt : prompts) {
            int[] ids = tokens(prompt, generator, request.addSpecialTokens());
            builder.requireFits(ids);
            tokens.add(ids);
        }
        List<Echo> echoes = request.echo() ? echoes(prompts, tokens, generator) : List.of();
        return new PreparedCompletion(
                endpoint,
                generator,
                builder.build(tokens, echoes),
                options.choices(),
                echoes.stream().map(Echo::text).toList(),
                options.stream(),
                options.includeUsage());
    }

    /** The prompt itself, or of a chat the text that the model's template makes of it. */
    private static Prompt written(Prompt prompt, TextGenerator generator) {
        return prompt instanceof ChatPrompt chat
                ? new TextPrompt(rendered(chat, generator))
                : prompt;
    }

    private static int[] tokens(Prompt prompt, TextGenerator generator, boolean addSpecialTokens) {
        return prompt instanceof TextPrompt text
                ? generator.encode(text.text(), addSpecialTokens)
                : ((TokenPrompt) prompt).tokens();
    }

    private static List<Echo> echoes(
            List<Prompt> prompts, List<int[]> tokens, TextGenerator generator) {
        List<Echo> echoes = new ArrayList<>(tokens.size());
        for (Prompt prompt : prompts) {
            echoes.add(Echo.of(prompt, tokens.get(echoes.size()), generator));
        }
        return echoes;
    }

    private static String rendered(ChatPrompt chat, TextGenerator generator) {
        ChatTemplate template =
                generator
                        .chatTemplate()
                        .orElseThrow(
                                () ->
                                        ApiException.invalid(
                                                null,
                                                "no_chat_template",
                                                "model=%s has no chat template; use /v1/completions, or give it one by option.chat_template"
                                                        .formatted(generator.modelName())));
        template.unsupported()
                .ifPresent(
                        reason -> {
                            throw ApiException.invalid(
                                    null,
                                    "no_chat_template",
                                    "model=%s can't chat: %s; use /v1/completions"
                                            .formatted(generator.modelName(), reason));
                        });
        if (chat.templateArguments().get("documents") instanceof List<?> documents
                && !documents.isEmpty()
                && !template.reads("documents")) {
            throw ApiException.refused(
                    "documents", "[…]", "[]: the model's chat template reads no documents");
        }
        try {
            return template.render(
                    chat.messages(), chat.addGenerationPrompt(), chat.templateArguments());
        } catch (ChatTemplateException refused) {
            throw ApiException.invalid("messages", null, String.valueOf(refused.getMessage()));
        }
    }

    /**
     * The model that the request names, beside its body or in it; the only one if it names none.
     *
     * @param inBody empty if the body names none
     */
    TextGenerator find(String inBody) {
        String name = directory.asked().isEmpty() ? inBody : directory.asked();
        List<TextGenerator> models = directory.models();
        if (name.isEmpty() && models.size() == 1) {
            return models.get(0);
        }
        List<String> known = models.stream().map(TextGenerator::modelName).toList();
        if (name.isEmpty()) {
            throw ApiException.invalid("model", null, "model is missing; expected one of " + known);
        }
        return directory.named(name).orElseThrow(() -> absent(name, known));
    }

    private ApiException absent(String name, List<String> known) {
        if (directory.isLoading(name)) {
            return ApiException.unavailable(
                    "loading",
                    "model=%s is being loaded; try again later"
                            .formatted(ApiException.shown(name)));
        }
        return new ApiException(
                HttpResponseStatus.NOT_FOUND,
                "invalid_request_error",
                "model",
                "model_not_found",
                "model=%s; expected one of %s".formatted(ApiException.shown(name), known));
    }

    /** Finds a model; of several versions the one that the request's KV travels to or from. */
    private TextGenerator find(String name, int bytes, String requestId) {
        TextGenerator newest = find(name);
        TextGenerator generator =
                RequestBuilder.route(requestId, 0).stream()
                        .flatMap(route -> Stream.of(route.decode(), route.prefill()))
                        .flatMap(address -> directory.at(address).stream())
                        .filter(model -> model.modelName().equals(newest.modelName()))
                        .findFirst()
                        .orElse(newest);
        requireSmall(bytes, generator.maxRequestBytes());
        return generator;
    }

    /** Refuses a body that no model takes, before it is read. */
    private void requireWelcome(int bytes) {
        directory.models().stream()
                .mapToInt(TextGenerator::maxRequestBytes)
                .max()
                .ifPresent(most -> requireSmall(bytes, most));
    }

    private static void requireSmall(int bytes, int most) {
        if (bytes > most) {
            throw new ApiException(
                    HttpResponseStatus.REQUEST_ENTITY_TOO_LARGE,
                    "invalid_request_error",
                    null,
                    "request_too_large",
                    "bytes=%d max_request_bytes=%d; send less".formatted(bytes, most));
        }
    }

    /** Most tokens of a prompt that any of the models takes. */
    private int mostTokens() {
        return directory.models().stream()
                .mapToInt(model -> Math.min(model.maxPromptTokens(), model.contextLength()))
                .max()
                .orElse(Integer.MAX_VALUE);
    }
}
