// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import com.google.gson.stream.JsonToken;
import io.kvlink.djl.model.SamplingParams;
import java.io.IOException;
import java.io.InputStream;
import java.io.StringReader;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads one chat request. */
final class ChatParser extends RequestParser<ChatRequest> {

    /** Most messages: a template looks at each of them. */
    static final int MAX_MESSAGES = 1024;

    private static final Set<String> ROLES =
            Set.of("system", "developer", "user", "assistant", "tool");

    private List<Map<String, Object>> messages = List.of();
    private boolean logprobs;
    private OptionalInt topLogprobs = OptionalInt.empty();
    private boolean addGenerationPrompt = true;
    private Map<String, Object> templateArguments = Map.of();

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
            case "add_generation_prompt" -> addGenerationPrompt = fields.flag(name);
            case "chat_template_kwargs" -> templateArguments = readObject(name);
            default -> common.read(name);
        }
    }

    private List<Map<String, Object>> readMessages() throws IOException {
        requireArray("messages", "a list of messages");
        List<Map<String, Object>> read = new ArrayList<>();
        fields.beginArray();
        while (fields.hasNext()) {
            if (read.size() == MAX_MESSAGES) {
                throw FieldReader.refused(
                        "messages", "more of them", "at most " + MAX_MESSAGES + " messages");
            }
            read.add(readMessage("messages[" + read.size() + "]"));
        }
        fields.endArray();
        return read;
    }

    private Map<String, Object> readMessage(String param) throws IOException {
        Map<String, Object> message = new LinkedHashMap<>();
        fields.beginObject(param);
        while (fields.hasNext()) {
            String name = fields.name();
            if (!fields.skipNull()) {
                Object value = readMessageField(param + "." + name, name);
                if (value != null) {
                    message.put(name, value);
                }
            }
        }
        fields.endObject();
        if (!message.containsKey("role")) {
            throw ApiException.invalid(
                    param + ".role", null, param + ".role is missing; expected one of " + ROLES);
        }
        if (!message.containsKey("content")) {
            if (!message.containsKey("tool_calls")) {
                throw ApiException.invalid(
                        param + ".content", null, param + ".content is missing; expected a text");
            }
            message.put("content", "");
        }
        return message;
    }

    private @Nullable Object readMessageField(String param, String name) throws IOException {
        return switch (name) {
            case "role" -> readRole(param);
            case "content" -> readContent(param);
            case "name", "tool_call_id", "reasoning_content" -> fields.text(param);
            case "tool_calls" -> withParsedArguments(fields.value());
            default -> {
                fields.skip();
                yield null;
            }
        };
    }

    /** OpenAI's clients send a call's arguments as a JSON text; templates want the object. */
    private static @Nullable Object withParsedArguments(@Nullable Object calls) {
        if (calls instanceof List<?> list) {
            for (Object call : list) {
                if (call instanceof Map<?, ?> parts
                        && parts.get("function") instanceof Map<?, ?> function
                        && function.get("arguments") instanceof String text) {
                    parseArguments(function, text);
                }
            }
        }
        return calls;
    }

    @SuppressWarnings("unchecked") // An object's keys are strings.
    private static void parseArguments(Map<?, ?> function, String text) {
        try {
            Object arguments = new FieldReader(new StringReader(text)).value();
            if (arguments instanceof Map) {
                ((Map<String, Object>) function).put("arguments", arguments);
            }
        } catch (IOException | RuntimeException noJson) {
            // Stays the text that it is: a template may want it so.
            return;
        }
    }

    private String readRole(String param) throws IOException {
        String role = fields.text(param);
        if (!ROLES.contains(role)) {
            throw FieldReader.refused(param, '"' + role + '"', "one of " + ROLES);
        }
        // OpenAI's newer word for the same; templates know the older one.
        return role.equals("developer") ? "system" : role;
    }

    private String readContent(String param) throws IOException {
        if (fields.peek() == JsonToken.STRING) {
            return fields.text(param);
        }
        requireArray(param, "a text, or a list of text parts");
        List<String> parts = new ArrayList<>();
        fields.beginArray();
        while (fields.hasNext()) {
            parts.add(readPart(param + "[" + parts.size() + "]"));
        }
        fields.endArray();
        return String.join("\n", parts);
    }

    private String readPart(String param) throws IOException {
        String type = "";
        String text = "";
        fields.beginObject(param);
        while (fields.hasNext()) {
            switch (fields.name()) {
                case "type" -> type = fields.text(param + ".type");
                case "text" -> text = fields.text(param + ".text");
                default -> fields.skip();
            }
        }
        fields.endObject();
        if (!type.equals("text")) {
            throw FieldReader.refused(
                    param + ".type", '"' + type + '"', "\"text\": nothing else is read here");
        }
        return text;
    }

    @SuppressWarnings("unchecked") // An object's keys are strings.
    private Map<String, Object> readObject(String name) throws IOException {
        if (fields.peek() != JsonToken.BEGIN_OBJECT) {
            throw fields.wrongType(name, "an object");
        }
        Map<String, Object> object = new LinkedHashMap<>((Map<String, Object>) fields.value());
        object.values().removeIf(value -> value == null);
        return object;
    }

    private void requireArray(String param, String allowed) throws IOException {
        if (fields.peek() != JsonToken.BEGIN_ARRAY) {
            throw fields.wrongType(param, allowed);
        }
    }

    @Override
    ChatRequest checked() {
        if (messages.isEmpty()) {
            throw ApiException.invalid(
                    "messages", null, "messages is missing or empty; expected at least one");
        }
        if (topLogprobs.isPresent() && !logprobs) {
            throw FieldReader.refused(
                    "top_logprobs",
                    Integer.toString(topLogprobs.getAsInt()),
                    "null as long as logprobs isn't true");
        }
        OptionalInt alternatives =
                logprobs ? OptionalInt.of(topLogprobs.orElse(0)) : OptionalInt.empty();
        return new ChatRequest(
                common.options(alternatives), messages, addGenerationPrompt, templateArguments);
    }
}
