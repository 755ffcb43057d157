// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http.parse;

import com.google.gson.stream.JsonToken;
import io.kvlink.djl.http.answer.ApiException;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * The fields that completions and chats have in common. A field that OpenAI doesn't know is
 * ignored. A known field that isn't done here and would change the answer is refused. So nobody
 * takes a wrong answer for a right one. For one body, on one thread.
 */
final class GenerationFields {

    /** Most stop texts, and most stop tokens: each is searched for at every token. */
    static final int MAX_STOPS = 16;

    /** Most characters of a stop text: each token's text is compared with all its beginnings. */
    static final int MAX_STOP_CHARS = 1024;

    /** Most answers of one request: each is a sequence of its own in the worker. */
    static final int MAX_CHOICES = 256;

    private static final double MAX_TIMEOUT_S = 604_800;

    private final FieldReader fields;
    private final SamplingFields sampling = new SamplingFields();

    private String model = "";
    private OptionalInt maxTokens = OptionalInt.empty();
    private OptionalInt maxCompletionTokens = OptionalInt.empty();
    private int minTokens;
    private int choices = 1;
    private List<String> stop = List.of();
    private List<Integer> stopTokens = List.of();
    private boolean stream;
    private boolean includeUsage;
    private boolean ignoreEos;
    private Optional<Duration> timeout = Optional.empty();

    GenerationFields(FieldReader fields) {
        this.fields = fields;
    }

    /** Reads the field, whatever it is. */
    void read(String name) throws IOException {
        switch (name) {
            case "model" -> model = fields.text(name);
            case "max_tokens" ->
                    maxTokens = OptionalInt.of(fields.integer(name, 1, Integer.MAX_VALUE));
            case "max_completion_tokens" ->
                    maxCompletionTokens =
                            OptionalInt.of(fields.integer(name, 1, Integer.MAX_VALUE));
            case "min_tokens" -> minTokens = fields.integer(name, 0, Integer.MAX_VALUE);
            case "n" -> choices = fields.integer(name, 1, MAX_CHOICES);
            case "stop" -> stop = readStop();
            case "stop_token_ids" -> stopTokens = readStopTokens();
            case "stream" -> stream = fields.flag(name);
            case "stream_options" -> readStreamOptions();
            case "ignore_eos" -> ignoreEos = fields.flag(name);
            case "timeout" -> timeout = Optional.of(readTimeout());
            default -> {
                if (!sampling.read(name, fields)) {
                    UnsupportedFields.read(name, fields);
                }
            }
        }
    }

    /** Options of the request, when all of it was read. */
    GenerationOptions options(OptionalInt logprobs) {
        // The newer name counts, as the older one is deprecated.
        OptionalInt most = maxCompletionTokens.isPresent() ? maxCompletionTokens : maxTokens;
        if (most.isPresent() && minTokens > most.getAsInt()) {
            throw ApiException.refused(
                    "min_tokens",
                    Integer.toString(minTokens),
                    "at most max_tokens=" + most.getAsInt());
        }
        return new GenerationOptions(
                model,
                most,
                minTokens,
                choices,
                sampling,
                logprobs,
                stop,
                stopTokens,
                stream,
                includeUsage,
                ignoreEos,
                timeout);
    }

    private Duration readTimeout() throws IOException {
        double seconds = fields.number("timeout", 0, MAX_TIMEOUT_S);
        if (seconds < 0.001) {
            throw ApiException.refused(
                    "timeout", Double.toString(seconds), "0.001 seconds or more");
        }
        return Duration.ofMillis(Math.round(seconds * 1000));
    }

    private void readStreamOptions() throws IOException {
        fields.beginObject("stream_options");
        while (fields.hasNext()) {
            String name = fields.name();
            if (name.equals("include_usage")) {
                includeUsage = !fields.skipNull() && fields.flag("stream_options.include_usage");
            } else {
                UnsupportedFields.readStreamOption(name, fields);
            }
        }
        fields.endObject();
    }

    private List<String> readStop() throws IOException {
        if (fields.peek() == JsonToken.STRING) {
            String single = fields.text("stop");
            return single.isEmpty() ? List.of() : List.of(requireShort(single));
        }
        if (fields.peek() != JsonToken.BEGIN_ARRAY) {
            throw fields.wrongType("stop", "a string or a list of strings");
        }
        List<String> texts = new ArrayList<>();
        fields.beginArray();
        while (fields.hasNext()) {
            String text = fields.text("stop");
            if (text.isEmpty() || texts.size() == MAX_STOPS) {
                throw ApiException.refused(
                        "stop", '"' + text + '"', "at most " + MAX_STOPS + " strings, none empty");
            }
            texts.add(requireShort(text));
        }
        fields.endArray();
        return texts;
    }

    private static String requireShort(String stop) {
        if (stop.length() > MAX_STOP_CHARS) {
            throw ApiException.refused(
                    "stop", '"' + stop + '"', "at most " + MAX_STOP_CHARS + " characters each");
        }
        return stop;
    }

    private List<Integer> readStopTokens() throws IOException {
        if (fields.peek() != JsonToken.BEGIN_ARRAY) {
            throw fields.wrongType("stop_token_ids", "a list of token ids");
        }
        List<Integer> ids = new ArrayList<>();
        fields.beginArray();
        while (fields.hasNext()) {
            int id = fields.tokenId("stop_token_ids");
            if (ids.size() == MAX_STOPS) {
                throw ApiException.refused(
                        "stop_token_ids", "more of them", "at most " + MAX_STOPS + " token ids");
            }
            ids.add(id);
        }
        fields.endArray();
        return ids;
    }
}
