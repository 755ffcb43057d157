// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.chat;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.kvlink.djl.model.config.JsonFields;
import io.kvlink.djl.model.config.ModelLoadException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Files of a Hugging Face model directory with its chat template, and with the tokens that the
 * template names.
 */
final class TemplateFiles {

    private static final String TEMPLATE_FILE = "chat_template.jinja";
    private static final String CONFIG_FILE = "tokenizer_config.json";
    private static final String KEY = "chat_template";
    private static final long MAX_FILE_BYTES = 1 << 24;

    private final Path directory;
    private final JsonObject config;

    TemplateFiles(Path directory) {
        this.directory = directory;
        Path file = directory.resolve(CONFIG_FILE);
        this.config = Files.isRegularFile(file) ? parse(file) : new JsonObject();
    }

    /** The template's text: of the given file, of the template's own, or of the tokenizer's. */
    Optional<String> template(Optional<String> given) {
        if (given.isPresent()) {
            return Optional.of(read(directory.resolve(given.get())));
        }
        Path own = directory.resolve(TEMPLATE_FILE);
        if (Files.isRegularFile(own)) {
            return Optional.of(read(own));
        }
        JsonElement value = config.get(KEY);
        if (value == null || value.isJsonNull()) {
            return Optional.empty();
        }
        return Optional.of(text(value.isJsonArray() ? ofList(value) : value));
    }

    /** Names and texts of {@code bos_token}, {@code eos_token} and their like. */
    Map<String, String> specialTokens() {
        Map<String, String> tokens = new HashMap<>();
        for (Map.Entry<String, JsonElement> entry : config.entrySet()) {
            JsonElement value = entry.getValue();
            if (value instanceof JsonObject object) {
                value = object.get("content");
            }
            if (entry.getKey().endsWith("_token")
                    && value != null
                    && value.isJsonPrimitive()
                    && value.getAsJsonPrimitive().isString()) {
                tokens.put(entry.getKey(), value.getAsString());
            }
        }
        return tokens;
    }

    private JsonElement ofList(JsonElement list) {
        for (JsonElement entry : list.getAsJsonArray()) {
            if (entry instanceof JsonObject named
                    && named.has("name")
                    && text(named.get("name")).equals("default")) {
                return named.get("template");
            }
        }
        throw unexpected("a list with a template named default");
    }

    private String text(@Nullable JsonElement value) {
        if (value == null || !value.isJsonPrimitive()) {
            throw unexpected("a string, or a list of {name, template}");
        }
        return value.getAsString();
    }

    private ModelLoadException unexpected(String expected) {
        return new ModelLoadException(
                "file=%s key=%s expected=%s"
                        .formatted(directory.resolve(CONFIG_FILE), KEY, expected));
    }

    private static JsonObject parse(Path file) {
        return JsonFields.parse(file.toString(), read(file)).json();
    }

    private static String read(Path file) {
        try {
            long bytes = Files.size(file);
            if (bytes > MAX_FILE_BYTES) {
                throw new ModelLoadException(
                        "file=%s bytes=%d expected=at most %d"
                                .formatted(file, bytes, MAX_FILE_BYTES));
            }
            return Files.readString(file);
        } catch (IOException cause) {
            throw new ModelLoadException("file=%s not readable".formatted(file), cause);
        }
    }
}
