// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.generation;

/** A prompt that can't be answered. */
public final class GenerationException extends RuntimeException {

    /** Party that can act on a failure; the surface turns it into an HTTP status. */
    public enum Kind {
        /** The request is wrong: 400. */
        INVALID,
        /** The queue is full: 429. */
        OVERLOADED,
        /** Too long an answer, by the clock: 504. */
        TIMEOUT,
        /** The worker is closing or closed: 503. */
        CLOSED,
        /** The KV didn't come and the policy is to fail: 502. */
        KV_LOAD,
        /** A defect here: 500. */
        INTERNAL
    }

    private final Kind kind;

    /**
     * Makes an exception.
     *
     * @param kind whose turn it is
     * @param message the facts as {@code key=value}, then what to do
     */
    public GenerationException(Kind kind, String message) {
        super(message);
        this.kind = kind;
    }

    /**
     * Makes an exception with its cause.
     *
     * @param kind whose turn it is
     * @param message the facts as {@code key=value}, then what to do
     * @param cause what was thrown underneath
     */
    public GenerationException(Kind kind, String message, Throwable cause) {
        super(message, cause);
        this.kind = kind;
    }

    /** Party that can act. */
    public Kind kind() {
        return kind;
    }
}
