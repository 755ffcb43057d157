// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http.parse;

import com.google.gson.GsonBuilder;
import com.google.gson.Strictness;
import com.google.gson.TypeAdapter;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import io.kvlink.djl.http.answer.ApiException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.io.StringReader;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Reads typed values from a JSON text as it passes, so that a large body never becomes a larger
 * tree. Every refusal names the parameter, the value and what is allowed. Not thread-safe.
 */
final class FieldReader {

    private static final int NUMBER_CHARS = 64;

    /** Most values of all trees of a body: each takes far more memory than its text does. */
    static final int MAX_VALUES = 100_000;

    // Whole numbers stay whole. The reader bounds their length and how deep values may be nested.
    private static final TypeAdapter<Object> ADAPTER =
            new GsonBuilder()
                    .setObjectToNumberStrategy(json -> number(json.nextString()))
                    .create()
                    .getAdapter(Object.class);

    private final CountingReader json;

    /** A reader of a body in UTF-8; bytes that aren't are refused. */
    FieldReader(InputStream body) {
        this(
                new InputStreamReader(
                        body,
                        StandardCharsets.UTF_8
                                .newDecoder()
                                .onMalformedInput(CodingErrorAction.REPORT)),
                new Count());
    }

    private FieldReader(Reader text, Count values) {
        json = new CountingReader(text, values);
        json.setStrictness(Strictness.STRICT);
    }

    /** A reader of a text of this body that is JSON itself: its values count with the others. */
    FieldReader within(String text) {
        return new FieldReader(new StringReader(text), json.values);
    }

    JsonToken peek() throws IOException {
        return json.peek();
    }

    void beginObject(String param) throws IOException {
        require(JsonToken.BEGIN_OBJECT, param, "an object");
        json.beginObject();
    }

    void endObject() throws IOException {
        json.endObject();
    }

    void beginArray() throws IOException {
        json.beginArray();
    }

    void beginArray(String param, String allowed) throws IOException {
        require(JsonToken.BEGIN_ARRAY, param, allowed);
        json.beginArray();
    }

    void endArray() throws IOException {
        json.endArray();
    }

    boolean hasNext() throws IOException {
        return json.hasNext();
    }

    String name() throws IOException {
        return json.nextName();
    }

    void skip() throws IOException {
        json.skipValue();
    }

    /** Skips a {@code null}, which means the same as an absent field. */
    boolean skipNull() throws IOException {
        if (json.peek() != JsonToken.NULL) {
            return false;
        }
        json.nextNull();
        return true;
    }

    String text(String param) throws IOException {
        require(JsonToken.STRING, param, "a string");
        return json.nextString();
    }

    boolean flag(String param) throws IOException {
        require(JsonToken.BOOLEAN, param, "true or false");
        return json.nextBoolean();
    }

    double number(String param, double min, double max) throws IOException {
        String allowed = "a number from " + plain(min) + " to " + plain(max);
        require(JsonToken.NUMBER, param, allowed);
        String literal = json.nextString();
        double value = Double.parseDouble(literal);
        if (value >= min && value <= max) {
            return value;
        }
        throw ApiException.refused(param, literal, allowed);
    }

    int integer(String param, int min, int max) throws IOException {
        return (int) integer(param, (long) min, (long) max);
    }

    long integer(String param, long min, long max) throws IOException {
        String allowed =
                max == Integer.MAX_VALUE || max == Long.MAX_VALUE
                        ? "a whole number from " + min
                        : "a whole number from " + min + " to " + max;
        require(JsonToken.NUMBER, param, allowed);
        String literal = json.nextString();
        Long value = exact(literal);
        if (value != null && value >= min && value <= max) {
            return value;
        }
        throw ApiException.refused(param, literal, allowed);
    }

    /**
     * Reads a token id. Unlike {@link #integer} it makes no garbage: a prompt may have millions.
     */
    int tokenId(String param) throws IOException {
        require(JsonToken.NUMBER, param, "a token id");
        int id = -1;
        try {
            id = json.nextInt();
        } catch (NumberFormatException cause) {
            // Not whole or too large: refused below, with its literal.
            throw ApiException.refused(param, json.nextString(), "a token id from 0");
        }
        if (id < 0) {
            throw ApiException.refused(param, Integer.toString(id), "a token id from 0");
        }
        return id;
    }

    /** Reads whatever is next, as it is shown in a refusal. */
    ApiException wrongType(String param, String allowed) throws IOException {
        return ApiException.refused(param, describe(), allowed);
    }

    /**
     * Reads whatever is next as maps, lists, strings, numbers, booleans and nulls.
     *
     * @throws ApiException if the body has more than {@link #MAX_VALUES} of them
     */
    @Nullable Object value() throws IOException {
        json.counting = true;
        Object value = ADAPTER.read(json);
        json.counting = false;
        return value;
    }

    void end() throws IOException {
        if (json.peek() != JsonToken.END_DOCUMENT) {
            throw ApiException.invalid(null, null, "the body has more than one JSON value");
        }
    }

    private void require(JsonToken token, String param, String allowed) throws IOException {
        if (json.peek() != token) {
            throw wrongType(param, allowed);
        }
    }

    private String describe() throws IOException {
        return switch (json.peek()) {
            case STRING -> '"' + json.nextString() + '"';
            case NUMBER -> json.nextString();
            case BOOLEAN -> Boolean.toString(json.nextBoolean());
            case NULL -> "null";
            case BEGIN_ARRAY -> "[…]";
            case BEGIN_OBJECT -> "{…}";
            case END_ARRAY, END_OBJECT, NAME, END_DOCUMENT -> "nothing";
        };
    }

    /** A number as Python reads it: with a point or an exponent a double, else as long as it is. */
    private static Number number(String literal) {
        if (literal.chars().anyMatch(c -> c == '.' || c == 'e' || c == 'E')) {
            return Double.valueOf(literal);
        }
        BigInteger whole = new BigInteger(literal);
        return whole.bitLength() < Long.SIZE ? Long.valueOf(whole.longValue()) : whole;
    }

    private static @Nullable Long exact(String literal) {
        if (literal.length() > NUMBER_CHARS) {
            return null;
        }
        try {
            return new BigDecimal(literal).longValueExact();
        } catch (ArithmeticException | NumberFormatException cause) {
            return null;
        }
    }

    private static String plain(double bound) {
        return bound == Math.rint(bound) ? Long.toString((long) bound) : Double.toString(bound);
    }

    /** Number of values that have become trees. */
    private static final class Count {
        private int values;
    }

    /** Counts the values that become a tree. */
    private static final class CountingReader extends JsonReader {
        private final Count values;
        private boolean counting;

        CountingReader(Reader text, Count values) {
            super(text);
            this.values = values;
        }

        /** {@inheritDoc} */
        @Override
        public boolean hasNext() throws IOException {
            if (counting && ++values.values > MAX_VALUES) {
                throw ApiException.invalid(
                        null, null, "the body has more than %d values".formatted(MAX_VALUES));
            }
            return super.hasNext();
        }
    }
}
