// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http.parse;

import com.google.gson.stream.JsonToken;
import io.kvlink.djl.http.answer.ApiException;
import io.kvlink.djl.http.parse.CompletionRequest.Prompt;
import io.kvlink.djl.http.parse.CompletionRequest.TextPrompt;
import io.kvlink.djl.http.parse.CompletionRequest.TokenPrompt;
import io.kvlink.djl.sampling.SamplingParams;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;

/** Reads one completion request. */
final class CompletionParser extends RequestParser {

    private static final String LOGPROBS =
            "a whole number from 0 to " + SamplingParams.MAX_LOGPROBS;

    private final int mostTokens;
    private List<Prompt> prompts = List.of();
    private OptionalInt logprobs = OptionalInt.empty();
    private OptionalInt bestOf = OptionalInt.empty();
    private boolean echo;
    private boolean addSpecialTokens = true;

    /**
     * Reads nothing yet.
     *
     * @param body UTF-8; not closed
     * @param mostTokens most token ids of a prompt that are worth reading
     */
    CompletionParser(InputStream body, int mostTokens) {
        super(body);
        this.mostTokens = mostTokens;
    }

    @Override
    void readField(String name) throws IOException {
        switch (name) {
            case "prompt" -> prompts = readPrompts();
            case "echo" -> echo = fields.flag(name);
            case "add_special_tokens" -> addSpecialTokens = fields.flag(name);
            case "best_of" ->
                    bestOf = OptionalInt.of(fields.integer(name, 1, GenerationFields.MAX_CHOICES));
            case "logprobs" -> logprobs = readLogprobs(name);
            default -> common.read(name);
        }
    }

    /** A chat's {@code false} asks for nothing here, too. */
    private OptionalInt readLogprobs(String name) throws IOException {
        if (fields.peek() == JsonToken.BOOLEAN) {
            if (fields.flag(name)) {
                throw ApiException.refused(name, "true", LOGPROBS);
            }
            return OptionalInt.empty();
        }
        return OptionalInt.of(fields.integer(name, 0, SamplingParams.MAX_LOGPROBS));
    }

    private List<Prompt> readPrompts() throws IOException {
        return switch (fields.peek()) {
            case STRING -> List.of(new TextPrompt(fields.text("prompt")));
            case BEGIN_ARRAY -> readPromptArray();
            default -> throw fields.wrongType("prompt", "a string, token ids, or a list of those");
        };
    }

    private List<Prompt> readPromptArray() throws IOException {
        fields.beginArray();
        if (fields.hasNext() && fields.peek() == JsonToken.NUMBER) {
            return List.of(new TokenPrompt(readTokens()));
        }
        List<Prompt> several = new ArrayList<>();
        boolean texts = fields.peek() == JsonToken.STRING;
        while (fields.hasNext()) {
            if (several.size() == GenerationFields.MAX_CHOICES) {
                throw ApiException.refused(
                        "prompt",
                        "more of them",
                        "at most " + GenerationFields.MAX_CHOICES + " prompts");
            }
            several.add(texts ? new TextPrompt(fields.text("prompt")) : readTokenPrompt());
        }
        fields.endArray();
        return several;
    }

    private Prompt readTokenPrompt() throws IOException {
        if (fields.peek() != JsonToken.BEGIN_ARRAY) {
            throw fields.wrongType("prompt", "a list of strings, of token ids, or of their lists");
        }
        fields.beginArray();
        return new TokenPrompt(readTokens());
    }

    /** Reads the rest of an array that has begun. */
    private int[] readTokens() throws IOException {
        int[] tokens = new int[64];
        int count = 0;
        while (fields.hasNext()) {
            if (count == mostTokens) {
                throw ApiException.invalid(
                        "prompt",
                        "context_length_exceeded",
                        "a prompt has more than %d token ids; shorten the prompt"
                                .formatted(mostTokens));
            }
            if (count == tokens.length) {
                tokens = Arrays.copyOf(tokens, Math.multiplyExact(count, 2));
            }
            tokens[count++] = fields.tokenId("prompt");
        }
        fields.endArray();
        return Arrays.copyOf(tokens, count);
    }

    @Override
    CompletionRequest checked() {
        if (prompts.isEmpty()) {
            throw ApiException.invalid(
                    "prompt", null, "prompt is missing or empty; expected at least one prompt");
        }
        GenerationOptions options = common.options(logprobs);
        if (bestOf.isPresent() && bestOf.getAsInt() != options.choices()) {
            throw ApiException.refused(
                    "best_of",
                    Integer.toString(bestOf.getAsInt()),
                    "n=" + options.choices() + ": no other choice is made here");
        }
        if ((long) prompts.size() * options.choices() > GenerationFields.MAX_CHOICES) {
            throw ApiException.refused(
                    "n",
                    Integer.toString(options.choices()),
                    "at most %d answers; there are %d prompts"
                            .formatted(GenerationFields.MAX_CHOICES, prompts.size()));
        }
        if (echo && logprobs.isPresent()) {
            throw ApiException.refused(
                    "echo", "true", "false with logprobs: those of a prompt aren't computed here");
        }
        return new CompletionRequest(options, prompts, echo, addSpecialTokens);
    }
}
