// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.config;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/**
 * Typed reads of one JSON object in a model's file. A value that doesn't fit is a {@link
 * ModelLoadException} that names file, key, the value and what was expected.
 */
public record JsonFields(String file, JsonObject json) {
    private static final int MAX_SHOWN = 80;
    private static final long MAX_FILE_BYTES = 1 << 24;

    public static JsonFields parse(String file, String text) {
        try {
            return new JsonFields(file, JsonParser.parseString(text).getAsJsonObject());
        } catch (JsonParseException | IllegalStateException cause) {
            throw new ModelLoadException(
                    "file=%s expected=a JSON object found=%s".formatted(file, cause.getMessage()),
                    cause);
        }
    }

    /** The text of a model directory's file, which must be small. */
    public static String text(Path file) {
        try {
            long bytes = Files.size(file);
            if (bytes > MAX_FILE_BYTES) {
                throw new ModelLoadException(
                        "file=%s bytes=%d expected=at most %d"
                                .formatted(file, bytes, MAX_FILE_BYTES));
            }
            return Files.readString(file);
        } catch (IOException cause) {
            throw new ModelLoadException(
                    "file=%s not readable; is it a Hugging Face model directory?".formatted(file),
                    cause);
        }
    }

    /** The key's value; null if it is absent or JSON null. */
    @Nullable JsonElement find(String key) {
        JsonElement value = json.get(key);
        return value == null || value.isJsonNull() ? null : value;
    }

    boolean has(String key) {
        return find(key) != null;
    }

    public JsonFields object(String key) {
        if (find(key) instanceof JsonObject object) {
            return new JsonFields(file, object);
        }
        throw unexpected(key, "an object");
    }

    public JsonArray array(String key) {
        if (find(key) instanceof JsonArray array) {
            return array;
        }
        throw unexpected(key, "an array");
    }

    public String text(String key) {
        if (find(key) instanceof JsonPrimitive value && value.isString()) {
            return value.getAsString();
        }
        throw unexpected(key, "a string");
    }

    public String text(String key, String absent) {
        return find(key) == null ? absent : text(key);
    }

    boolean flag(String key, boolean absent) {
        JsonElement value = find(key);
        if (value == null) {
            return absent;
        }
        if (value instanceof JsonPrimitive primitive && primitive.isBoolean()) {
            return primitive.getAsBoolean();
        }
        throw unexpected(key, "true or false");
    }

    int count(String key, int max) {
        if (find(key) instanceof JsonPrimitive value) {
            long number = wholeNumber(value);
            if (number >= 1 && number <= max) {
                return (int) number;
            }
        }
        throw unexpected(key, "a whole number 1.." + max);
    }

    int count(String key, int max, int absent) {
        return find(key) == null ? absent : count(key, max);
    }

    double positive(String key, double absent) {
        JsonElement value = find(key);
        if (value == null) {
            return absent;
        }
        try {
            double number = value.getAsDouble();
            if (number > 0 && number < Double.POSITIVE_INFINITY) {
                return number;
            }
        } catch (RuntimeException notNumber) {
            throw unexpected(key, "a number more than 0");
        }
        throw unexpected(key, "a number more than 0");
    }

    /** The key's number, which must lie in this range; empty if absent. */
    OptionalDouble number(String key, double min, double max) {
        JsonElement value = find(key);
        if (value == null) {
            return OptionalDouble.empty();
        }
        if (value instanceof JsonPrimitive primitive && primitive.isNumber()) {
            double number = primitive.getAsDouble();
            if (number >= min && number <= max) {
                return OptionalDouble.of(number);
            }
        }
        throw unexpected(key, "a number %s..%s".formatted(min, max));
    }

    /** The key's ids, given as one number or as an array; empty if absent. */
    List<Integer> ids(String key, int vocabSize) {
        JsonElement value = find(key);
        List<Integer> ids = new ArrayList<>();
        if (value == null) {
            return ids;
        }
        Iterable<JsonElement> elements = value instanceof JsonArray array ? array : List.of(value);
        for (JsonElement element : elements) {
            long id = wholeNumber(element);
            if (id < 0 || id >= vocabSize) {
                throw unexpected(key, "token ids 0.." + (vocabSize - 1));
            }
            ids.add((int) id);
        }
        return ids;
    }

    /** Failure for a value that is well formed, but stands for something that isn't served. */
    ModelLoadException unsupported(String key, List<String> supported) {
        return unexpected(key, "one of %s; nothing else is served".formatted(supported));
    }

    public ModelLoadException unexpected(String key, String expected) {
        String found = String.valueOf(json.get(key));
        return new ModelLoadException(
                "file=%s key=%s found=%s expected=%s"
                        .formatted(
                                file,
                                key,
                                found.length() <= MAX_SHOWN
                                        ? found
                                        : found.substring(0, MAX_SHOWN) + "...",
                                expected));
    }

    /** A number without sign, fraction or exponent; -1 if the element is anything else. */
    public static long wholeNumber(JsonElement element) {
        if (element instanceof JsonPrimitive value && value.isNumber()) {
            String digits = value.getAsString();
            if (digits.length() <= 18 && digits.chars().allMatch(c -> c >= '0' && c <= '9')) {
                return Long.parseLong(digits);
            }
        }
        return -1;
    }
}
