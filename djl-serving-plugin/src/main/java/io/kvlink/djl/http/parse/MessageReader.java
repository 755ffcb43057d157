// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http.parse;

import com.google.gson.stream.JsonToken;
import io.kvlink.djl.http.answer.ApiException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Reads one message of a chat as vLLM gives it to a template. The content is a text, the calls'
 * arguments are parsed, and an assistant's thoughts have both names. For one body, on one thread.
 */
final class MessageReader {

    private static final Set<String> ROLES =
            Set.of("system", "developer", "user", "assistant", "tool", "function");

    // Answers of models and tools may be empty; a question is a text.
    private static final Set<String> MAY_SAY_NOTHING = Set.of("assistant", "tool", "function");

    /** Fields that only messages of one role have. */
    private static final Map<String, String> ROLE_OF_FIELD =
            Map.of(
                    "tool_calls", "assistant",
                    "reasoning", "assistant",
                    "reasoning_content", "assistant",
                    "thinking", "assistant",
                    "tool_call_id", "tool");

    private final FieldReader fields;

    MessageReader(FieldReader fields) {
        this.fields = fields;
    }

    /**
     * The next message.
     *
     * @param param its name in refusals
     * @return with {@code role}, and {@code content} that is a text
     */
    Map<String, Object> read(String param) throws IOException {
        Map<String, Object> message = new LinkedHashMap<>();
        fields.beginObject(param);
        while (fields.hasNext()) {
            String name = fields.name();
            if (!fields.skipNull()) {
                readField(param + "." + name, name, message);
            }
        }
        fields.endObject();
        if (!(message.get("role") instanceof String role)) {
            throw ApiException.invalid(
                    param + ".role", null, param + ".role is missing; expected one of " + ROLES);
        }
        if (message.putIfAbsent("content", "") == null && !MAY_SAY_NOTHING.contains(role)) {
            throw ApiException.invalid(
                    param + ".content", null, param + ".content is missing; expected a text");
        }
        message.keySet().removeIf(name -> !ROLE_OF_FIELD.getOrDefault(name, role).equals(role));
        return message;
    }

    private void readField(String param, String name, Map<String, Object> message)
            throws IOException {
        switch (name) {
            case "role" -> message.put(name, readRole(param));
            case "content" -> message.put(name, readContent(param));
            case "name", "tool_call_id", "thinking" -> message.put(name, fields.text(param));
            case "reasoning", "reasoning_content" -> {
                String thoughts = fields.text(param);
                message.put("reasoning", thoughts);
                message.put("reasoning_content", thoughts);
            }
            case "tool_calls" -> {
                List<Object> calls = new ToolCalls(fields).read(param);
                // Templates ask whether there is a list, not whether it has calls.
                if (!calls.isEmpty()) {
                    message.put(name, calls);
                }
            }
            default -> fields.skip();
        }
    }

    private String readRole(String param) throws IOException {
        String role = fields.text(param);
        if (!ROLES.contains(role)) {
            throw ApiException.refused(param, '"' + role + '"', "one of " + ROLES);
        }
        // OpenAI's newer word for the same; templates know the older one.
        return role.equals("developer") ? "system" : role;
    }

    private String readContent(String param) throws IOException {
        if (fields.peek() == JsonToken.STRING) {
            return fields.text(param);
        }
        fields.beginArray(param, "a text, or a list of text parts");
        List<String> parts = new ArrayList<>();
        for (int i = 0; fields.hasNext(); i++) {
            readPart(param + "[" + i + "]", parts);
        }
        fields.endArray();
        return String.join("\n", parts);
    }

    /** Adds a part's text; a part whose text is null adds nothing. */
    private void readPart(String param, List<String> parts) throws IOException {
        if (fields.peek() == JsonToken.STRING) {
            parts.add(fields.text(param));
            return;
        }
        String type = "";
        Map<String, String> texts = new LinkedHashMap<>();
        fields.beginObject(param);
        while (fields.hasNext()) {
            String name = fields.name();
            switch (name) {
                case "type" -> type = fields.text(param + ".type");
                case "text", "refusal", "thinking" -> {
                    if (!fields.skipNull()) {
                        texts.put(name, fields.text(param + "." + name));
                    }
                }
                default -> fields.skip();
            }
        }
        fields.endObject();
        String text = texts.get(fieldOf(param, type));
        if (text != null) {
            parts.add(text);
        }
    }

    private static String fieldOf(String param, String type) {
        return switch (type) {
            case "text", "input_text", "output_text" -> "text";
            case "refusal", "thinking" -> type;
            default ->
                    throw ApiException.refused(
                            param + ".type",
                            '"' + type + '"',
                            "\"text\", \"input_text\", \"output_text\", \"refusal\" or \"thinking\": nothing else is read here");
        };
    }
}
