// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

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

    String path() {
        return path;
    }

    /** What the ids of its answers begin with. */
    String idPrefix() {
        return idPrefix;
    }
}
