// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import com.google.gson.stream.JsonToken;
import io.kvlink.djl.http.CompletionRequest.Prompt;
import io.kvlink.djl.http.CompletionRequest.TextPrompt;
import io.kvlink.djl.http.CompletionRequest.TokenPrompt;
import io.kvlink.djl.model.SamplingParams;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Reads one completion request. A field that OpenAI doesn't know is ignored; one that is known,
 * isn't done here and would change the answer is refused, so that nobody takes a wrong answer for a
 * right one. For one body, on one thread.
 */
final class CompletionParser {

    /** Most prompts of one request: each is a sequence of its own in the worker. */
    static final int MAX_PROMPTS = 256;

    /** Most stop texts of one request: each is searched for at every token. */
    static final int MAX_STOPS = 16;

    private final FieldReader fields;

    private String model = "";
    private List<Prompt> prompts = List.of();
    private OptionalInt maxTokens = OptionalInt.empty();
    private OptionalInt maxCompletionTokens = OptionalInt.empty();
    private int minTokens;
    private double temperature = 1;
    private double topP = 1;
    private int topK;
    private long seed = ThreadLocalRandom.current().nextLong();
    private List<String> stop = List.of();
    private boolean stream;
    private boolean includeUsage;
    private boolean ignoreEos;

    private CompletionParser(FieldReader fields) {
        this.fields = fields;
    }

    /**
     * Reads a body.
     *
     * @param body UTF-8; read to its end, not closed
     * @return what it asks for
     * @throws ApiException with status 400, saying where it is wrong
     */
    static CompletionRequest parse(InputStream body) {
        FieldReader fields =
                new FieldReader(
                        new InputStreamReader(
                                body,
                                StandardCharsets.UTF_8
                                        .newDecoder()
                                        .onMalformedInput(CodingErrorAction.REPORT)));
        try {
            return new CompletionParser(fields).read();
        } catch (CharacterCodingException cause) {
            throw ApiException.invalid(null, null, "the body is not UTF-8");
        } catch (IOException | IllegalStateException | NumberFormatException cause) {
            throw ApiException.invalid(null, null, "the body is not JSON: " + where(cause));
        }
    }

    /** Gson's message has a second line with a link into its documentation. */
    private static String where(Exception cause) {
        return String.valueOf(cause.getMessage()).lines().findFirst().orElse("no reason");
    }

    private CompletionRequest read() throws IOException {
        fields.beginObject("body");
        while (fields.hasNext()) {
            String name = fields.name();
            if (!fields.skipNull()) {
                readField(name);
            }
        }
        fields.endObject();
        fields.end();
        return checked();
    }

    private void readField(String name) throws IOException {
        switch (name) {
            case "model" -> model = fields.text(name);
            case "prompt" -> prompts = readPrompts();
            case "max_tokens" ->
                    maxTokens = OptionalInt.of(fields.integer(name, 1, Integer.MAX_VALUE));
            case "max_completion_tokens" ->
                    maxCompletionTokens =
                            OptionalInt.of(fields.integer(name, 1, Integer.MAX_VALUE));
            case "min_tokens" -> minTokens = fields.integer(name, 0, Integer.MAX_VALUE);
            case "temperature" -> temperature = fields.number(name, 0, 100);
            case "top_p" -> topP = readTopP();
            // -1 is how the field says "all"; SamplingParams says 0.
            case "top_k" -> topK = Math.max(0, fields.integer(name, -1, Integer.MAX_VALUE));
            case "seed" -> seed = fields.integer(name, Long.MIN_VALUE, Long.MAX_VALUE);
            case "stop" -> stop = readStop();
            case "stream" -> stream = fields.flag(name);
            case "stream_options" -> readStreamOptions();
            case "ignore_eos" -> ignoreEos = fields.flag(name);
            default -> readUnsupported(name);
        }
    }

    private void readUnsupported(String name) throws IOException {
        switch (name) {
            case "echo" -> onlyFalse(name);
            case "n", "best_of" -> onlyNumber(name, 1);
            case "presence_penalty", "frequency_penalty", "min_p" -> onlyNumber(name, 0);
            case "repetition_penalty" -> onlyNumber(name, 1);
            case "logprobs" -> throw fields.wrongType(name, "null: log-probabilities aren't done");
            case "suffix" -> onlyEmpty(name);
            case "logit_bias" -> onlyEmptyObject(name);
            default -> fields.skip();
        }
    }

    private double readTopP() throws IOException {
        double value = fields.number("top_p", 0, 1);
        if (value == 0) {
            throw FieldReader.refused("top_p", "0", "a number above 0, at most 1");
        }
        return value;
    }

    private void onlyFalse(String name) throws IOException {
        if (fields.flag(name)) {
            throw FieldReader.refused(name, "true", "false: it isn't done here");
        }
    }

    private void onlyNumber(String name, int neutral) throws IOException {
        double value = fields.number(name, -1e9, 1e9);
        if (value != neutral) {
            throw FieldReader.refused(
                    name, Double.toString(value), neutral + ": nothing else is done here");
        }
    }

    private void onlyEmpty(String name) throws IOException {
        String value = fields.text(name);
        if (!value.isEmpty()) {
            throw FieldReader.refused(name, '"' + value + '"', "no text: it isn't done here");
        }
    }

    private void onlyEmptyObject(String name) throws IOException {
        fields.beginObject(name);
        if (fields.hasNext()) {
            throw FieldReader.refused(name, "{…}", "{}: it isn't done here");
        }
        fields.endObject();
    }

    private void readStreamOptions() throws IOException {
        fields.beginObject("stream_options");
        while (fields.hasNext()) {
            if (fields.name().equals("include_usage")) {
                includeUsage = !fields.skipNull() && fields.flag("stream_options.include_usage");
            } else {
                fields.skip();
            }
        }
        fields.endObject();
    }

    private List<String> readStop() throws IOException {
        if (fields.peek() == JsonToken.STRING) {
            String single = fields.text("stop");
            return single.isEmpty() ? List.of() : List.of(single);
        }
        if (fields.peek() != JsonToken.BEGIN_ARRAY) {
            throw fields.wrongType("stop", "a string or a list of strings");
        }
        List<String> texts = new ArrayList<>();
        fields.beginArray();
        while (fields.hasNext()) {
            String text = fields.text("stop");
            if (text.isEmpty() || texts.size() == MAX_STOPS) {
                throw FieldReader.refused(
                        "stop", '"' + text + '"', "at most " + MAX_STOPS + " strings, none empty");
            }
            texts.add(text);
        }
        fields.endArray();
        return texts;
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
            if (several.size() == MAX_PROMPTS) {
                throw FieldReader.refused(
                        "prompt", "more of them", "at most " + MAX_PROMPTS + " prompts");
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
            if (count == tokens.length) {
                tokens = Arrays.copyOf(tokens, Math.multiplyExact(count, 2));
            }
            tokens[count++] = fields.tokenId("prompt");
        }
        fields.endArray();
        return Arrays.copyOf(tokens, count);
    }

    private CompletionRequest checked() {
        if (prompts.isEmpty()) {
            throw ApiException.invalid(
                    "prompt", null, "prompt is missing or empty; expected at least one prompt");
        }
        OptionalInt most = maxTokens.isPresent() ? maxTokens : maxCompletionTokens;
        if (most.isPresent() && minTokens > most.getAsInt()) {
            throw FieldReader.refused(
                    "min_tokens",
                    Integer.toString(minTokens),
                    "at most max_tokens=" + most.getAsInt());
        }
        return new CompletionRequest(
                model,
                prompts,
                most,
                minTokens,
                new SamplingParams(temperature, topP, topK, seed),
                stop,
                stream,
                includeUsage,
                ignoreEos);
    }
}
