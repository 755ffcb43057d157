// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonPrimitive;
import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import com.google.gson.stream.MalformedJsonException;
import java.io.EOFException;
import java.io.IOException;
import java.io.StringReader;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/**
 * Turns a client's request for a completion or a chat into one that computes the prompt and a
 * single token. What it doesn't have to change stays: unknown fields, nulls, and numbers as they
 * were written; and what decides on that token, its log-probabilities included.
 */
final class PrefillBody {

    private static final Gson GSON =
            new GsonBuilder()
                    .serializeNulls()
                    .disableHtmlEscaping()
                    .setStrictness(Strictness.STRICT)
                    .create();
    private static final JsonPrimitive ONE = new JsonPrimitive(1);
    private static final JsonPrimitive FALSE = new JsonPrimitive(false);

    /** The body isn't one JSON object. The message is for the client. */
    static final class NotAnObjectException extends Exception {
        NotAnObjectException(String message) {
            super(message, null, false, false);
        }
    }

    private PrefillBody() {}

    /**
     * The prefill request's body.
     *
     * @param body the client's
     * @return UTF-8 bytes of a JSON object
     * @throws NotAnObjectException if the client's body isn't one JSON object
     */
    static byte[] of(byte[] body) throws NotAnObjectException {
        JsonObject request = parse(body);
        request.add("max_tokens", ONE);
        replace(request, "max_completion_tokens", ONE);
        // More than one token at least would contradict one token at most.
        replace(request, "min_tokens", ONE);
        replace(request, "n", ONE);
        replace(request, "best_of", ONE);
        // Nobody reads this answer.
        replace(request, "echo", FALSE);
        request.add("stream", FALSE);
        request.remove("stream_options");
        return withoutLoneSurrogates(GSON.toJson(request)).getBytes(StandardCharsets.UTF_8);
    }

    private static void replace(JsonObject request, String field, JsonElement by) {
        JsonElement value = request.get(field);
        if (value != null && !value.isJsonNull()) {
            request.add(field, by);
        }
    }

    private static JsonObject parse(byte[] body) throws NotAnObjectException {
        try (JsonReader reader = new JsonReader(new StringReader(decode(body)))) {
            reader.setStrictness(Strictness.STRICT);
            if (reader.peek() != JsonToken.BEGIN_OBJECT) {
                throw new NotAnObjectException("The body is no JSON object.");
            }
            JsonObject object = GSON.getAdapter(JsonObject.class).read(reader);
            if (reader.peek() != JsonToken.END_DOCUMENT) {
                throw new NotAnObjectException("Something follows the body's JSON object.");
            }
            return object;
        } catch (CharacterCodingException cause) {
            throw new NotAnObjectException("The body is no UTF-8 text.");
        } catch (EOFException cause) {
            throw new NotAnObjectException("The body is empty, or its JSON ends too early.");
        } catch (MalformedJsonException | JsonParseException | IllegalStateException cause) {
            throw new NotAnObjectException("The body is no JSON: " + firstLine(cause));
        } catch (IOException cause) {
            throw new NotAnObjectException("The body can't be read: " + firstLine(cause));
        }
    }

    private static String decode(byte[] body) throws CharacterCodingException {
        return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(body)).toString();
    }

    private static String firstLine(Exception cause) {
        return String.valueOf(cause.getMessage()).lines().findFirst().orElse("");
    }

    /**
     * Writes half a surrogate pair as the escape it came as: UTF-8 has no bytes for it, and the
     * decode instance, which gets the client's own bytes, must see the same prompt.
     */
    private static String withoutLoneSurrogates(String json) {
        StringBuilder escaped = null;
        for (int i = 0; i < json.length(); i++) {
            char c = json.charAt(i);
            boolean pair =
                    i + 1 < json.length() && Character.isSurrogatePair(c, json.charAt(i + 1));
            if (Character.isSurrogate(c) && !pair && escaped == null) {
                escaped = new StringBuilder(json.length() + 16).append(json, 0, i);
            }
            if (escaped != null) {
                escaped.append(
                        Character.isSurrogate(c) && !pair ? "\\u%04x".formatted((int) c) : c);
            }
            if (pair) {
                i++;
                if (escaped != null) {
                    escaped.append(json.charAt(i));
                }
            }
        }
        return escaped == null ? json : escaped.toString();
    }
}
