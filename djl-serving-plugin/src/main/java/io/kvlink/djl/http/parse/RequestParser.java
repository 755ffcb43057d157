// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http.parse;

import io.kvlink.djl.http.answer.ApiException;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.CharacterCodingException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads one request that asks for answers: the fields of its kind, and those that all have. A body
 * that is no JSON object is refused, saying where. For one body, on one thread.
 */
abstract class RequestParser {

    private static final Pattern PLACE = Pattern.compile("line \\d+ column \\d+");

    final FieldReader fields;
    final GenerationFields common;

    /**
     * Reads nothing yet.
     *
     * @param body UTF-8; not closed
     */
    RequestParser(InputStream body) {
        fields = new FieldReader(body);
        common = new GenerationFields(fields);
    }

    /**
     * Reads the body to its end.
     *
     * @throws ApiException with status 400, saying where it is wrong
     */
    final CompletionRequest parse() {
        try {
            fields.beginObject("body");
            while (fields.hasNext()) {
                String name = fields.name();
                if (!fields.skipNull()) {
                    readField(name);
                }
            }
            fields.endObject();
            fields.end();
        } catch (CharacterCodingException cause) {
            throw ApiException.invalid(null, null, "the body is not UTF-8");
        } catch (IOException | IllegalStateException | NumberFormatException cause) {
            throw ApiException.invalid(null, null, "the body is not JSON: " + where(cause));
        }
        return checked();
    }

    /** Reads a field that isn't null, or leaves it to {@link #common}. */
    abstract void readField(String name) throws IOException;

    /** The request, when all of it was read. */
    abstract CompletionRequest checked();

    /**
     * Place of an error in a body, taken from Gson's message. The rest of that message tells of
     * Gson.
     */
    private static String where(Exception cause) {
        Matcher place = PLACE.matcher(String.valueOf(cause.getMessage()));
        String what = cause instanceof EOFException ? "it ends too early" : "it goes wrong";
        return place.find() ? what + " at " + place.group() : what;
    }
}
