// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import org.jspecify.annotations.Nullable;

/**
 * The only exception of this contract, for the unexpected. Back-pressure and misses are values. The
 * message reads {@code CODE(number): key=value key=value; what to do}.
 */
public final class KvConnectorException extends RuntimeException {

    private final KvError error;

    /**
     * Makes an exception.
     *
     * @param error what went wrong
     * @param detail the facts as {@code key=value}, then what to do
     */
    public KvConnectorException(KvError error, String detail) {
        this(error, detail, null);
    }

    /**
     * Makes an exception with its cause.
     *
     * @param error what went wrong
     * @param detail the facts as {@code key=value}, then what to do
     * @param cause what was thrown underneath
     */
    public KvConnectorException(KvError error, String detail, @Nullable Throwable cause) {
        super(error.name() + "(" + error.number() + "): " + detail, cause);
        this.error = error;
    }

    /** Kind of the failure. */
    public KvError error() {
        return error;
    }
}
