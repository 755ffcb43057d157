// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.text;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import io.kvlink.djl.model.config.ModelLoadException;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Contents of a {@code tokenizer.json} that the native tokenizer doesn't tell. Its merges, most of
 * the file, are skipped; what has another shape than a tokenizer's counts as missing.
 */
final class TokenizerFile {
    private static final int MAX_ID = 1 << 24;

    private final JsonReader json;
    private final List<@Nullable String> vocabulary = new ArrayList<>();
    private final List<JsonObject> addedTokens = new ArrayList<>();
    private final List<JsonObject> decoders = new ArrayList<>();
    private final JsonObject model = new JsonObject();
    private JsonElement normalizer = JsonNull.INSTANCE;
    private JsonElement preTokenizer = JsonNull.INSTANCE;

    private TokenizerFile(JsonReader json) {
        this.json = json;
    }

    /**
     * Reads the file of a model directory.
     *
     * @throws ModelLoadException if it is missing or is no JSON
     */
    static TokenizerFile read(Path modelDirectory) {
        Path path = modelDirectory.resolve("tokenizer.json");
        try (Reader text = Files.newBufferedReader(path)) {
            TokenizerFile file = new TokenizerFile(new JsonReader(text));
            file.readAll();
            return file;
        } catch (IOException | JsonParseException | IllegalStateException cause) {
            throw new ModelLoadException(
                    "file=%s found=%s expected=a tokenizer".formatted(path, cause.getMessage()),
                    cause);
        }
    }

    /** The model's tokens as the file writes them, by id; null where there is none. */
    List<@Nullable String> vocabulary() {
        return vocabulary;
    }

    /** Tokens beside the model's, which have the last word: each with an id and a content. */
    List<JsonObject> addedTokens() {
        return addedTokens;
    }

    /** The decoder's steps, without the sequences around them; empty if there is no decoder. */
    List<JsonObject> decoders() {
        return decoders;
    }

    /** First change of a text; null of JSON if there is none. */
    JsonElement normalizer() {
        return normalizer;
    }

    /** Cuts of a text before the model sees it; null of JSON if there are none. */
    JsonElement preTokenizer() {
        return preTokenizer;
    }

    /** The model's settings, without its vocabulary and its merges. */
    JsonObject model() {
        return model;
    }

    private void readAll() throws IOException {
        json.beginObject();
        while (json.hasNext()) {
            switch (json.nextName()) {
                case "added_tokens" -> addTokens(JsonParser.parseReader(json));
                case "normalizer" -> normalizer = JsonParser.parseReader(json);
                case "pre_tokenizer" -> preTokenizer = JsonParser.parseReader(json);
                case "decoder" -> addDecoder(JsonParser.parseReader(json));
                case "model" -> readModel();
                default -> json.skipValue();
            }
        }
        json.endObject();
    }

    private void addTokens(JsonElement tokens) {
        if (tokens instanceof JsonArray list) {
            for (JsonElement token : list) {
                if (token instanceof JsonObject added && added.has("id")) {
                    requireId(added.get("id").getAsInt());
                    addedTokens.add(added);
                }
            }
        }
    }

    private void addDecoder(JsonElement decoder) {
        if (!(decoder instanceof JsonObject step)) {
            return;
        }
        if (step.get("decoders") instanceof JsonArray steps) {
            steps.forEach(this::addDecoder);
        } else {
            decoders.add(step);
        }
    }

    private void readModel() throws IOException {
        if (json.peek() != JsonToken.BEGIN_OBJECT) {
            json.skipValue();
            return;
        }
        json.beginObject();
        while (json.hasNext()) {
            String key = json.nextName();
            switch (key) {
                case "vocab" -> readVocabulary();
                case "merges" -> json.skipValue();
                default -> model.add(key, JsonParser.parseReader(json));
            }
        }
        json.endObject();
    }

    /**
     * Reads the vocabulary: for most models an object of tokens and ids, for Unigram a list of
     * tokens with scores.
     */
    private void readVocabulary() throws IOException {
        if (json.peek() == JsonToken.BEGIN_OBJECT) {
            json.beginObject();
            while (json.hasNext()) {
                String token = json.nextName();
                put(json.nextInt(), token);
            }
            json.endObject();
        } else if (json.peek() == JsonToken.BEGIN_ARRAY) {
            json.beginArray();
            for (int id = 0; json.hasNext(); id++) {
                json.beginArray();
                put(id, json.nextString());
                json.skipValue();
                json.endArray();
            }
            json.endArray();
        } else {
            json.skipValue();
        }
    }

    private void put(int id, String token) {
        requireId(id);
        while (vocabulary.size() <= id) {
            vocabulary.add(null);
        }
        vocabulary.set(id, token);
    }

    private static void requireId(int id) {
        if (id < 0 || id >= MAX_ID) {
            throw new IllegalStateException("id=%d outside 0..%d".formatted(id, MAX_ID - 1));
        }
    }

    /** The text of a key; empty if it has none. */
    static String text(JsonObject object, String key) {
        return object.get(key) instanceof JsonPrimitive value && value.isString()
                ? value.getAsString()
                : "";
    }

    /** True if a key is true. */
    static boolean flag(JsonObject object, String key) {
        return object.get(key) instanceof JsonPrimitive value
                && value.isBoolean()
                && value.getAsBoolean();
    }
}
