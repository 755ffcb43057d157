// SPDX-License-Identifier: Apache-2.0
package io.kvlink.http;

import io.netty.handler.codec.http.HttpResponseStatus;

/** Limit of the bodies of one connection. On the connection's event loop. */
public interface BodyLimit {

    /** Most bytes of one body. */
    int bytes();

    /** The refusal of a larger body. */
    HttpFault tooLarge();

    /**
     * Takes memory for a body beside what it has.
     *
     * @return false if there is none now
     */
    default boolean take(int bytes) {
        return true;
    }

    /** The refusal of a body for which there is no memory. */
    default HttpFault noRoom() {
        return new HttpFault(
                HttpResponseStatus.SERVICE_UNAVAILABLE,
                "busy",
                "there is no room for the request's body now");
    }

    /** Gives back all memory that was taken. */
    default void giveBack() {}

    /** A limit and nothing else; the setting is named in the refusal. */
    static BodyLimit of(String setting, int bytes) {
        return new BodyLimit() {
            @Override
            public int bytes() {
                return bytes;
            }

            @Override
            public HttpFault tooLarge() {
                return refusal(setting, bytes);
            }
        };
    }

    /** The refusal of a body above a limit. */
    static HttpFault refusal(String setting, int bytes) {
        return new HttpFault(
                HttpResponseStatus.REQUEST_ENTITY_TOO_LARGE,
                "request_too_large",
                "%s=%d at most; send less".formatted(setting, bytes));
    }
}
