// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import java.io.IOException;
import java.io.InputStream;

/**
 * Reads one request that asks for answers: the fields of its kind, and those that all have. For one
 * body, on one thread.
 *
 * @param <T> what it asks for
 */
abstract class RequestParser<T> {

    final FieldReader fields;
    final GenerationFields common;

    /**
     * Reads nothing yet.
     *
     * @param body UTF-8; not closed
     */
    RequestParser(InputStream body) {
        fields = BodyParsing.reader(body);
        common = new GenerationFields(fields);
    }

    /**
     * Reads the body to its end.
     *
     * @throws ApiException with status 400, saying where it is wrong
     */
    final T parse() {
        BodyParsing.readAll(fields, this::readField);
        return checked();
    }

    /** Reads a field that isn't null, or leaves it to {@link #common}. */
    abstract void readField(String name) throws IOException;

    /** What was read, when all of it was. */
    abstract T checked();
}
