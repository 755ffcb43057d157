// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import java.io.IOException;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/**
 * Reading of a {@code tokenizer.json} for the one question how much text a token can stand for. The
 * vocabulary passes as a stream, since such a file has megabytes.
 */
final class TokenizerFile {

    private final JsonReader json;
    private final VocabularyBytes vocabulary = new VocabularyBytes();

    private JsonElement normalizer = JsonNull.INSTANCE;
    private JsonElement preTokenizer = JsonNull.INSTANCE;
    private boolean spacesJoin;
    private long longestAdded;

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
        try (Reader text = Files.newBufferedReader(path, StandardCharsets.UTF_8)) {
            TokenizerFile file = new TokenizerFile(new JsonReader(text));
            file.readAll();
            return file;
        } catch (IOException | JsonParseException | IllegalStateException cause) {
            throw new ModelLoadException(
                    "file=%s found=%s expected=a tokenizer".formatted(path, cause.getMessage()),
                    cause);
        }
    }

    /** Most bytes of text that one token can stand for; empty if that isn't certain. */
    OptionalLong bytesOfToken() {
        TextSteps steps = new TextSteps(normalizer, preTokenizer);
        long longest = Math.max(longestAdded, vocabulary.longest(steps.byteLevel()));
        boolean certain =
                !spacesJoin && steps.keepsText() && vocabulary.coversText(steps.byteLevel());
        return certain ? OptionalLong.of(longest * steps.shrinking()) : OptionalLong.empty();
    }

    private void readAll() throws IOException {
        json.beginObject();
        while (json.hasNext()) {
            switch (json.nextName()) {
                case "normalizer" -> normalizer = JsonParser.parseReader(json);
                case "pre_tokenizer" -> preTokenizer = JsonParser.parseReader(json);
                case "added_tokens" -> readAdded();
                case "model" -> readModel();
                default -> json.skipValue();
            }
        }
        json.endObject();
    }

    private void readAdded() throws IOException {
        if (json.peek() != JsonToken.BEGIN_ARRAY) {
            json.skipValue();
            return;
        }
        json.beginArray();
        while (json.hasNext()) {
            if (JsonParser.parseReader(json) instanceof JsonObject added) {
                longestAdded =
                        Math.max(
                                longestAdded,
                                VocabularyBytes.utf8(TextSteps.text(added, "content")));
                // Any number of spaces beside such a token becomes part of it.
                spacesJoin |= TextSteps.flag(added, "lstrip") || TextSteps.flag(added, "rstrip");
            }
        }
        json.endArray();
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
                case "type",
                        "unk_token",
                        "fuse_unk",
                        "byte_fallback",
                        "continuing_subword_prefix",
                        "end_of_word_suffix" ->
                        vocabulary.set(key, JsonParser.parseReader(json));
                default -> json.skipValue();
            }
        }
        json.endObject();
    }

    /** Of BPE an object of tokens and ids, of Unigram a list of tokens with their scores. */
    private void readVocabulary() throws IOException {
        if (json.peek() == JsonToken.BEGIN_OBJECT) {
            json.beginObject();
            while (json.hasNext()) {
                vocabulary.add(json.nextName());
                json.skipValue();
            }
            json.endObject();
        } else if (json.peek() == JsonToken.BEGIN_ARRAY) {
            json.beginArray();
            while (json.hasNext()) {
                json.beginArray();
                vocabulary.add(json.nextString());
                json.skipValue();
                json.endArray();
            }
            json.endArray();
        } else {
            json.skipValue();
        }
    }
}
