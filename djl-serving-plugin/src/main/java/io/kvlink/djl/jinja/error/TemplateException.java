// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.error;

/** A rendering that fails on its variables. Carries no stack: the fault is the template's. */
public final class TemplateException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /** Kinds of Python's and Jinja2's exceptions, as far as templates can tell them apart. */
    public enum Kind {
        TYPE("TypeError"),
        VALUE("ValueError"),
        KEY("KeyError"),
        INDEX("IndexError"),
        ATTRIBUTE("AttributeError"),
        OVERFLOW("OverflowError"),
        ZERO_DIVISION("ZeroDivisionError"),
        ASSERTION("AssertionError"),
        UNDEFINED("UndefinedError"),
        SECURITY("SecurityError"),
        RUNTIME("TemplateRuntimeError"),
        RAISED("raise_exception"),
        LIMIT("limit"),
        UNSUPPORTED("unsupported");

        private final String pythonName;

        Kind(String pythonName) {
            this.pythonName = pythonName;
        }
    }

    private final Kind kind;
    private final String reason;
    private final int line;

    private TemplateException(Kind kind, String reason, int line) {
        super(text(kind, reason, line), null, false, false);
        this.kind = kind;
        this.reason = reason;
        this.line = line;
    }

    private static String text(Kind kind, String reason, int line) {
        String place = line > 0 ? "line " + line + ": " : "";
        return place + kind.pythonName + ": " + reason;
    }

    /** True if the template itself refused, by {@code raise_exception}. */
    public boolean raised() {
        return kind == Kind.RAISED;
    }

    /** The message without its kind and place; what {@code raise_exception} was given. */
    public String reason() {
        return reason;
    }

    public Kind kind() {
        return kind;
    }

    /** Like this, with the place, unless it has one. */
    public TemplateException at(int place) {
        return line > 0 ? this : new TemplateException(kind, reason, place);
    }

    public static TemplateException of(Kind kind, String reason) {
        return new TemplateException(kind, reason, 0);
    }

    public static TemplateException type(String reason) {
        return of(Kind.TYPE, reason);
    }

    public static TemplateException value(String reason) {
        return of(Kind.VALUE, reason);
    }

    public static TemplateException overflow(String reason) {
        return of(Kind.OVERFLOW, reason);
    }

    public static TemplateException runtime(String reason) {
        return of(Kind.RUNTIME, reason);
    }

    public static TemplateException limit(String reason) {
        return of(Kind.LIMIT, reason);
    }

    public static TemplateException unsupported(String reason) {
        return of(Kind.UNSUPPORTED, reason);
    }
}
