// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http.parse;

import com.google.gson.stream.JsonToken;
import io.kvlink.djl.http.answer.ApiException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads the calls of an assistant's message. OpenAI's clients send a call's arguments as a JSON
 * text; templates want the value. For one body, on one thread.
 */
final class ToolCalls {

    private final FieldReader fields;

    ToolCalls(FieldReader fields) {
        this.fields = fields;
    }

    /** The next list, each call with a {@code function} whose {@code arguments} are a value. */
    List<Object> read(String param) throws IOException {
        fields.beginArray(param, "a list of calls");
        List<Object> calls = new ArrayList<>();
        while (fields.hasNext()) {
            calls.add(readCall(param + "[" + calls.size() + "]"));
        }
        fields.endArray();
        return calls;
    }

    private Object readCall(String param) throws IOException {
        if (fields.peek() != JsonToken.BEGIN_OBJECT) {
            throw fields.wrongType(param, "an object");
        }
        Object call = fields.value();
        if (!(call instanceof Map<?, ?> parts)
                || !(parts.get("function") instanceof Map<?, ?> function)) {
            throw ApiException.invalid(
                    param + ".function", null, param + ".function is missing; expected an object");
        }
        setArguments(function);
        return call;
    }

    @SuppressWarnings("unchecked") // An object's keys are strings.
    private void setArguments(Map<?, ?> function) {
        Map<String, @Nullable Object> named = (Map<String, @Nullable Object>) function;
        named.put("arguments", arguments(named.get("arguments")));
    }

    /** The value as vLLM reads it: what is neither JSON nor a container is an empty object. */
    private @Nullable Object arguments(@Nullable Object given) {
        if (given instanceof String text) {
            return parsed(text);
        }
        return given instanceof Map || given instanceof List ? given : Map.of();
    }

    private @Nullable Object parsed(String text) {
        try {
            FieldReader json = fields.within(text);
            Object value = json.value();
            return json.peek() == JsonToken.END_DOCUMENT ? value : Map.of();
        } catch (IOException | IllegalStateException | NumberFormatException noJson) {
            // An answer that was cut off, say. Refusing it would refuse each later turn too.
            return Map.of();
        }
    }
}
