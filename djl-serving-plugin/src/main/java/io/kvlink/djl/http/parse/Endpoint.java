// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http.parse;

import io.kvlink.djl.http.answer.ApiException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;

/** The two paths that generate, and the form of their bodies. */
public enum Endpoint {
    COMPLETIONS("/v1/completions", "cmpl-"),
    CHAT("/v1/chat/completions", "chatcmpl-");

    private final String path;
    private final String idPrefix;

    Endpoint(String path, String idPrefix) {
        this.path = path;
        this.idPrefix = idPrefix;
    }

    /** The endpoint that a body is for: a chat has {@code messages}. */
    public static Endpoint of(byte[] body) {
        FieldReader fields = new FieldReader(new ByteArrayInputStream(body));
        try {
            fields.beginObject("body");
            while (fields.hasNext()) {
                if (fields.name().equals("messages")) {
                    return CHAT;
                }
                fields.skip();
            }
        } catch (IOException | RuntimeException malformed) {
            // Refused by whoever reads it as a completion, saying where.
            return COMPLETIONS;
        }
        return COMPLETIONS;
    }

    /**
     * Reads a request's body.
     *
     * @param body UTF-8; not closed
     * @param mostTokens most token ids of a prompt that are worth reading
     * @throws ApiException with status 400, saying where the body is wrong
     */
    public CompletionRequest parse(InputStream body, int mostTokens) {
        return switch (this) {
            case COMPLETIONS -> new CompletionParser(body, mostTokens).parse();
            case CHAT -> new ChatParser(body).parse();
        };
    }

    /** Path that requests are sent to. */
    public String path() {
        return path;
    }

    /** The beginning of its answers' ids. */
    public String idPrefix() {
        return idPrefix;
    }
}
