// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import java.io.ByteArrayInputStream;
import java.io.IOException;

/** What generates. */
enum Endpoint {
    COMPLETIONS("/v1/completions", "cmpl-"),
    CHAT("/v1/chat/completions", "chatcmpl-");

    private final String path;
    private final String idPrefix;

    Endpoint(String path, String idPrefix) {
        this.path = path;
        this.idPrefix = idPrefix;
    }

    /** Whose body this is: a chat has {@code messages}. */
    static Endpoint of(byte[] body) {
        FieldReader fields = BodyParsing.reader(new ByteArrayInputStream(body));
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

    String path() {
        return path;
    }

    /** What the ids of its answers begin with. */
    String idPrefix() {
        return idPrefix;
    }
}
