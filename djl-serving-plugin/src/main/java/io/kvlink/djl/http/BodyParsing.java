// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads a body's one JSON object, field by field; what is no JSON is refused saying where. */
final class BodyParsing {

    private static final Pattern PLACE = Pattern.compile("line \\d+ column \\d+");

    /** Reads the value of a field that isn't null. */
    @FunctionalInterface
    interface Field {
        void read(String name) throws IOException;
    }

    private BodyParsing() {}

    /** A reader of UTF-8; bytes that aren't are refused. */
    static FieldReader reader(InputStream body) {
        return new FieldReader(
                new InputStreamReader(
                        body,
                        StandardCharsets.UTF_8
                                .newDecoder()
                                .onMalformedInput(CodingErrorAction.REPORT)));
    }

    /**
     * Reads all fields.
     *
     * @throws ApiException with status 400
     */
    static void readAll(FieldReader fields, Field field) {
        try {
            fields.beginObject("body");
            while (fields.hasNext()) {
                String name = fields.name();
                if (!fields.skipNull()) {
                    field.read(name);
                }
            }
            fields.endObject();
            fields.end();
        } catch (CharacterCodingException cause) {
            throw ApiException.invalid(null, null, "the body is not UTF-8");
        } catch (IOException | IllegalStateException | NumberFormatException cause) {
            throw ApiException.invalid(null, null, "the body is not JSON: " + where(cause));
        }
    }

    /** Of Gson's message the place alone: the rest tells of Gson. */
    private static String where(Exception cause) {
        Matcher place = PLACE.matcher(String.valueOf(cause.getMessage()));
        String what = cause instanceof EOFException ? "it ends too early" : "it goes wrong";
        return place.find() ? what + " at " + place.group() : what;
    }
}
