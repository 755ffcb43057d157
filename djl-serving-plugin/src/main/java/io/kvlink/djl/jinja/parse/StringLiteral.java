// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.parse;

import io.kvlink.djl.jinja.error.TemplateSyntaxException;

/** Escapes in the strings of a template. For one string. */
final class StringLiteral {

    private final String raw;
    private final int line;
    private final StringBuilder out = new StringBuilder();
    private int at;

    private StringLiteral(String raw, int line) {
        this.raw = raw;
        this.line = line;
    }

    static String unescaped(String raw, int line) {
        if (raw.indexOf('\\') < 0) {
            return raw;
        }
        return new StringLiteral(raw, line).run();
    }

    private String run() {
        while (at < raw.length()) {
            char c = raw.charAt(at++);
            if (c == '\\') {
                escape();
            } else {
                out.append(c);
            }
        }
        return out.toString();
    }

    private void escape() {
        int c = raw.codePointAt(at);
        at += Character.charCount(c);
        switch (c) {
            case '\n' -> {
                // The line goes on.
            }
            case '\\', '\'', '"' -> out.append((char) c);
            case 'a' -> out.append('\u0007');
            case 'b' -> out.append('\b');
            case 'f' -> out.append('\f');
            case 'n' -> out.append('\n');
            case 'r' -> out.append('\r');
            case 't' -> out.append('\t');
            case 'v' -> out.append('\u000b');
            case 'x' -> hex(2);
            case 'u' -> hex(4);
            case 'U' -> hex(8);
            case 'N' -> named();
            default -> other(c);
        }
    }

    private void other(int c) {
        if (c >= '0' && c <= '7') {
            int value = c - '0';
            for (int i = 0; i < 2 && at < raw.length() && isOctal(raw.charAt(at)); i++) {
                value = value * 8 + (raw.charAt(at++) - '0');
            }
            out.append((char) value);
        } else if (c < 0x80) {
            out.append('\\').append((char) c);
        } else {
            // Jinja2 escapes such a character first; the backslash before it eats that escape's.
            String form = c < 0x100 ? "x%02x" : c < 0x10000 ? "u%04x" : "U%08x";
            out.append('\\').append(form.formatted(c));
        }
    }

    private static boolean isOctal(char c) {
        return c >= '0' && c <= '7';
    }

    private void hex(int digits) {
        int end = at + digits;
        if (end > raw.length()
                || !raw.substring(at, end).chars().allMatch(c -> Character.digit(c, 16) >= 0)) {
            throw new TemplateSyntaxException("truncated escape in a string", line);
        }
        long point = Long.parseLong(raw.substring(at, end), 16);
        if (point > Character.MAX_CODE_POINT) {
            throw new TemplateSyntaxException("illegal Unicode character in a string", line);
        }
        out.appendCodePoint((int) point);
        at = end;
    }

    private void named() {
        int end = raw.indexOf('}', at);
        if (at >= raw.length() || raw.charAt(at) != '{' || end < 0) {
            throw new TemplateSyntaxException("malformed \\N character escape", line);
        }
        try {
            out.appendCodePoint(Character.codePointOf(raw.substring(at + 1, end)));
        } catch (IllegalArgumentException cause) {
            throw new TemplateSyntaxException("unknown Unicode character name", line);
        }
        at = end + 1;
    }
}
