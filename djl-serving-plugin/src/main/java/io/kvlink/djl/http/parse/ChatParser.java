// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http.parse;

import com.google.gson.stream.JsonToken;
import io.kvlink.djl.http.answer.ApiException;
import io.kvlink.djl.http.parse.CompletionRequest.ChatPrompt;
import io.kvlink.djl.sampling.SamplingParams;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/** Reads one chat request. */
final class ChatParser extends RequestParser {

    /** Most messages: a template looks at each of them. */
    static final int MAX_MESSAGES = 1024;

    private List<Map<String, Object>> messages = List.of();
    private boolean logprobs;
    private OptionalInt topLogprobs = OptionalInt.empty();
    // A template writes the special tokens itself; a second set would change the answer.
    private boolean addSpecialTokens;
    private boolean addGenerationPrompt = true;
    private Map<String, @Nullable Object> templateArguments = Map.of();
    private final Map<String, Object> templateFields = new HashMap<>();

    ChatParser(InputStream body) {
        super(body);
    }

    @Override
    void readField(String name) throws IOException {
        switch (name) {
            case "messages" -> messages = readMessages();
            case "logprobs" -> logprobs = fields.flag(name);
            case "top_logprobs" ->
                    topLogprobs =
                            OptionalInt.of(fields.integer(name, 0, SamplingParams.MAX_LOGPROBS));
            case "add_special_tokens" -> addSpecialTokens = fields.flag(name);
            case "add_generation_prompt" -> addGenerationPrompt = fields.flag(name);
            case "chat_template_kwargs" -> templateArguments = readObject(name);
            case "documents" -> templateFields.put(name, readDocuments(name));
            case "reasoning_effort" -> templateFields.put(name, fields.text(name));
            default -> common.read(name);
        }
    }

    private List<Map<String, Object>> readMessages() throws IOException {
        fields.beginArray("messages", "a list of messages");
        MessageReader reader = new MessageReader(fields);
        List<Map<String, Object>> read = new ArrayList<>();
        while (fields.hasNext()) {
            if (read.size() == MAX_MESSAGES) {
                throw ApiException.refused(
                        "messages", "more of them", "at most " + MAX_MESSAGES + " messages");
            }
            read.add(reader.read("messages[" + read.size() + "]"));
        }
        fields.endArray();
        return read;
    }

    @SuppressWarnings("unchecked") // An object's keys are strings.
    private Map<String, @Nullable Object> readObject(String param) throws IOException {
        if (fields.peek() != JsonToken.BEGIN_OBJECT) {
            throw fields.wrongType(param, "an object");
        }
        return (Map<String, @Nullable Object>) Objects.requireNonNull(fields.value());
    }

    private List<Object> readDocuments(String param) throws IOException {
        fields.beginArray(param, "a list of objects");
        List<Object> documents = new ArrayList<>();
        while (fields.hasNext()) {
            documents.add(readObject(param + "[" + documents.size() + "]"));
        }
        fields.endArray();
        return documents;
    }

    /** Variables beside the messages. As transformers gives them, some are there and none. */
    private Map<String, @Nullable Object> variables() {
        Map<String, @Nullable Object> variables = new HashMap<>();
        variables.put("tools", null);
        variables.put("documents", null);
        variables.putAll(templateArguments);
        variables.putAll(templateFields);
        return variables;
    }

    @Override
    CompletionRequest checked() {
        if (messages.isEmpty()) {
            throw ApiException.invalid(
                    "messages", null, "messages is missing or empty; expected at least one");
        }
        if (topLogprobs.orElse(0) > 0 && !logprobs) {
            throw ApiException.refused(
                    "top_logprobs",
                    Integer.toString(topLogprobs.getAsInt()),
                    "0 as long as logprobs isn't true");
        }
        OptionalInt alternatives =
                logprobs ? OptionalInt.of(topLogprobs.orElse(0)) : OptionalInt.empty();
        return new CompletionRequest(
                common.options(alternatives),
                List.of(new ChatPrompt(messages, addGenerationPrompt, variables())),
                false,
                addSpecialTokens);
    }
}
