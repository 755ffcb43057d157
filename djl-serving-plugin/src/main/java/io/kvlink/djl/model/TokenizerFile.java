// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What decoding depends on in a {@code tokenizer.json}. Its merges, most of the file, are skipped.
 */
final class TokenizerFile {
    private static final int MAX_ID = 1 << 24;

    private final List<@Nullable String> tokens = new ArrayList<>();
    private final BitSet special = new BitSet();
    private final List<JsonObject> decoders = new ArrayList<>();
    private final Path file;

    private TokenizerFile(Path file) {
        this.file = file;
    }

    /**
     * Reads a file.
     *
     * @throws ModelLoadException if it isn't a tokenizer
     */
    static TokenizerFile read(Path file) {
        TokenizerFile read = new TokenizerFile(file);
        try (BufferedReader text = Files.newBufferedReader(file);
                JsonReader json = new JsonReader(text)) {
            read.readAll(json);
            return read;
        } catch (IOException | IllegalStateException | NumberFormatException cause) {
            throw new ModelLoadException(
                    "file=%s found=%s expected=a tokenizer".formatted(file, cause.getMessage()),
                    cause);
        }
    }

    /** Tokens as the file writes them, by id; null where there is none. */
    List<@Nullable String> tokens() {
        return tokens;
    }

    /** Ids of tokens that a text doesn't show. */
    BitSet special() {
        return special;
    }

    /** The decoder's steps, without the sequences around them; empty if there is no decoder. */
    List<JsonObject> decoders() {
        return decoders;
    }

    private void readAll(JsonReader json) throws IOException {
        JsonArray added = new JsonArray();
        json.beginObject();
        while (json.hasNext()) {
            switch (json.nextName()) {
                case "added_tokens" -> added = JsonParser.parseReader(json).getAsJsonArray();
                case "decoder" -> addDecoder(JsonParser.parseReader(json));
                case "model" -> readModel(json);
                default -> json.skipValue();
            }
        }
        // They stand before the model in the file, and have the last word.
        for (JsonElement token : added) {
            addToken(token.getAsJsonObject());
        }
    }

    private void addToken(JsonObject token) {
        int id = token.get("id").getAsInt();
        put(id, token.get("content").getAsString());
        if (token.has("special") && token.get("special").getAsBoolean()) {
            special.set(id);
        }
    }

    private void addDecoder(JsonElement decoder) {
        if (decoder.isJsonNull()) {
            return;
        }
        JsonObject step = decoder.getAsJsonObject();
        if (step.has("decoders")) {
            step.getAsJsonArray("decoders").forEach(this::addDecoder);
        } else {
            decoders.add(step);
        }
    }

    private void readModel(JsonReader json) throws IOException {
        json.beginObject();
        while (json.hasNext()) {
            if (!json.nextName().equals("vocab")) {
                json.skipValue();
            } else if (json.peek() == JsonToken.BEGIN_ARRAY) {
                readPieces(json);
            } else {
                readVocabulary(json);
            }
        }
        json.endObject();
    }

    /** Tokens with their ids. */
    private void readVocabulary(JsonReader json) throws IOException {
        json.beginObject();
        while (json.hasNext()) {
            String token = json.nextName();
            put(json.nextInt(), token);
        }
        json.endObject();
    }

    /** Tokens with their scores, in the order of their ids. */
    private void readPieces(JsonReader json) throws IOException {
        json.beginArray();
        for (int id = 0; json.hasNext(); id++) {
            json.beginArray();
            put(id, json.nextString());
            json.skipValue();
            json.endArray();
        }
        json.endArray();
    }

    private void put(int id, String token) {
        if (id < 0 || id >= MAX_ID) {
            throw new ModelLoadException(
                    "file=%s token=%s id=%d expected=0..%d".formatted(file, token, id, MAX_ID - 1));
        }
        while (tokens.size() <= id) {
            tokens.add(null);
        }
        tokens.set(id, token);
    }
}
