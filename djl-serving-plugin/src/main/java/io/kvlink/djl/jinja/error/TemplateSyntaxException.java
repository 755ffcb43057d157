// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.error;

/** A template that can't be rendered, whatever its variables; the message says why and where. */
public final class TemplateSyntaxException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final int line;

    public TemplateSyntaxException(String message, int line) {
        super("line %d: %s".formatted(line, message));
        this.line = line;
    }

    /** The line, counted from 1, at which the fault shows. */
    public int line() {
        return line;
    }
}
