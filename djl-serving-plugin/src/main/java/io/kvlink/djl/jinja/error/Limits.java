// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.error;

/** Most that one template, and one rendering of it, may take. */
public final class Limits {

    /** Characters of a template. */
    public static final int SOURCE_CHARS = 1 << 20;

    /** Nested expressions of a template. */
    public static final int EXPRESSION_DEPTH = 150;

    /** Nested statements of a template. */
    public static final int STATEMENT_DEPTH = 60;

    /** Nested nodes that a rendering is in at once, calls of macros included. */
    public static final int CALL_DEPTH = 2000;

    /** Values within values. */
    public static final int VALUE_DEPTH = 200;

    /** Steps of a rendering: statements, operations, calls, turns of loops. */
    public static final long STEPS = 20_000_000;

    /** Characters that one step of looking through text takes. */
    public static final int CHARS_PER_STEP = 64;

    /** Characters that a rendering makes, those that it throws away included. */
    public static final long TEXT = 192L << 20;

    /** Further characters of that kind for each character of its variables. */
    public static final long TEXT_PER_INPUT = 32;

    /** Characters that count for an element of a list. */
    public static final int CHARS_PER_ELEMENT = 8;

    /** Characters of one text, the output included. */
    public static final int TEXT_CHARS = 64 << 20;

    /** Bits of an integer. */
    public static final int INTEGER_BITS = 1 << 16;

    /** Elements of a range; Jinja2's own limit. */
    public static final int RANGE = 100_000;

    private Limits() {}
}
