// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.body;

import java.nio.charset.StandardCharsets;

/**
 * Reader of one JSON text in UTF-8, strict by RFC 8259, that knows where in the bytes it is. It
 * builds nothing: it takes one pass and a few bytes of memory, whatever the text. One thread.
 */
final class JsonText {

    /** Greatest depth of nested arrays and objects; the workers' reader has the same limit. */
    static final int MAX_DEPTH = 255;

    /** The text isn't JSON. The message is for whoever sent it. */
    static final class NotJsonException extends Exception {
        NotJsonException(String message) {
            super(message, null, false, false);
        }
    }

    private final byte[] text;
    private int at;
    // Of each open array or object, whether it is an object.
    private final boolean[] objects = new boolean[MAX_DEPTH + 1];
    private int depth;

    JsonText(byte[] text) {
        this.text = text;
        boolean mark =
                text.length >= 3
                        && text[0] == (byte) 0xef
                        && text[1] == (byte) 0xbb
                        && text[2] == (byte) 0xbf;
        at = mark ? 3 : 0;
    }

    int at() {
        return at;
    }

    /** The next byte that is no white space, not taken; -1 at the end. */
    int peek() {
        while (at < text.length) {
            byte b = text[at];
            if (b != ' ' && b != '\n' && b != '\r' && b != '\t') {
                return b & 0xff;
            }
            at++;
        }
        return -1;
    }

    /** Takes a byte that must come next, white space aside. */
    void take(char expected) throws NotJsonException {
        if (peek() != expected) {
            throw unexpected("'" + expected + "'");
        }
        at++;
    }

    /** Enters an object. */
    void enterObject() throws NotJsonException {
        take('{');
        enter(true);
    }

    /** Takes a string without its quotes, escapes as they are written; where it began and ended. */
    Slice takeString() throws NotJsonException {
        if (peek() != '"') {
            throw unexpected("a string");
        }
        int start = at + 1;
        skipString();
        return new Slice(start, at - 1);
    }

    /** Takes one value of any kind. */
    void takeValue() throws NotJsonException {
        int base = depth;
        boolean ended;
        do {
            // A value is due; it ends here, or is the beginning of an array or object.
            ended = beginValue() && endValue(base);
        } while (!ended);
    }

    /**
     * Part of the text.
     *
     * @param from its first byte
     * @param to the byte behind it
     */
    record Slice(int from, int to) {}

    /** A string's characters; a string longer than the limit can't be of interest: empty. */
    String unescaped(Slice string, int maxChars) {
        // An escape of one character has six bytes at most.
        if (string.to() - string.from() > 6 * maxChars) {
            return "";
        }
        String raw =
                new String(
                        text, string.from(), string.to() - string.from(), StandardCharsets.UTF_8);
        if (raw.indexOf('\\') < 0) {
            return raw;
        }
        StringBuilder plain = new StringBuilder();
        for (int i = 0; i < raw.length(); i++) {
            char c = raw.charAt(i);
            if (c == '\\') {
                c = raw.charAt(++i);
                if (c == 'u') {
                    c = (char) Integer.parseInt(raw.substring(i + 1, i + 5), 16);
                    i += 4;
                } else {
                    int control = "bfnrt".indexOf(c);
                    c = control < 0 ? c : "\b\f\n\r\t".charAt(control);
                }
            }
            plain.append(c);
        }
        return plain.toString();
    }

    /** A string's characters; of a long one only those that about so many bytes write. */
    String beginning(Slice string, int bytes) {
        int end = string.from();
        while (end < string.to() && end - string.from() < bytes) {
            if (text[end] == '\\') {
                end += text[end + 1] == 'u' ? 6 : 2;
            } else {
                end = text[end] < 0 ? Utf8.next(text, end) : end + 1;
            }
        }
        return unescaped(new Slice(string.from(), end), string.to());
    }

    // ---- values ----

    /** Begins a value; true if that was all of it. */
    private boolean beginValue() throws NotJsonException {
        switch (peek()) {
            case '{' -> {
                at++;
                enter(true);
                if (peek() == '}') {
                    at++;
                    depth--;
                    return true;
                }
                name();
                return false;
            }
            case '[' -> {
                at++;
                enter(false);
                if (peek() == ']') {
                    at++;
                    depth--;
                    return true;
                }
                return false;
            }
            case '"' -> skipString();
            case 't' -> literal("true");
            case 'f' -> literal("false");
            case 'n' -> literal("null");
            default -> number();
        }
        return true;
    }

    /** Goes on behind a value; true if it was the one that was asked for. */
    private boolean endValue(int base) throws NotJsonException {
        while (depth > base) {
            boolean object = objects[depth];
            int next = peek();
            if (next == ',') {
                at++;
                if (object) {
                    name();
                }
                return false;
            }
            if (next != (object ? '}' : ']')) {
                throw unexpected(object ? "',' or '}'" : "',' or ']'");
            }
            at++;
            depth--;
        }
        return true;
    }

    private void enter(boolean object) throws NotJsonException {
        if (depth == MAX_DEPTH) {
            throw new NotJsonException("is nested deeper than " + MAX_DEPTH + " at byte " + at);
        }
        objects[++depth] = object;
    }

    private void name() throws NotJsonException {
        takeString();
        take(':');
    }

    private void literal(String word) throws NotJsonException {
        for (int i = 0; i < word.length(); i++, at++) {
            if (at == text.length || text[at] != word.charAt(i)) {
                throw unexpected(word);
            }
        }
    }

    private void number() throws NotJsonException {
        if (at < text.length && text[at] == '-') {
            at++;
        }
        if (at < text.length && text[at] == '0') {
            at++;
        } else {
            digits();
        }
        if (at < text.length && text[at] == '.') {
            at++;
            digits();
        }
        if (at < text.length && (text[at] == 'e' || text[at] == 'E')) {
            at++;
            if (at < text.length && (text[at] == '+' || text[at] == '-')) {
                at++;
            }
            digits();
        }
    }

    private void digits() throws NotJsonException {
        int start = at;
        while (at < text.length && text[at] >= '0' && text[at] <= '9') {
            at++;
        }
        if (at == start) {
            throw unexpected("a value");
        }
    }

    // ---- strings ----

    private void skipString() throws NotJsonException {
        at++;
        while (at < text.length) {
            int b = text[at] & 0xff;
            if (b == '"') {
                at++;
                return;
            }
            if (b == '\\') {
                escape();
            } else if (b < 0x20) {
                throw new NotJsonException("has a control character in a string at byte " + at);
            } else if (b < 0x80) {
                at++;
            } else {
                at = Utf8.next(text, at);
                if (at < 0) {
                    throw new NotJsonException("is no UTF-8 text");
                }
            }
        }
        throw unexpected("the end of a string");
    }

    private void escape() throws NotJsonException {
        int kind = at + 1 < text.length ? text[at + 1] : -1;
        if (kind >= 0 && "\"\\/bfnrt".indexOf(kind) >= 0) {
            at += 2;
            return;
        }
        boolean hex = kind == 'u' && at + 6 <= text.length;
        for (int i = at + 2; hex && i < at + 6; i++) {
            hex = text[i] > 0 && Character.digit(text[i], 16) >= 0;
        }
        if (!hex) {
            throw unexpected("an escape");
        }
        at += 6;
    }

    /** The text has something else here than it must. */
    NotJsonException unexpected(String expected) {
        if (at >= text.length) {
            return new NotJsonException(
                    text.length == 0 ? "is empty" : "ends too early: " + expected + " is due");
        }
        return new NotJsonException("is no JSON: " + expected + " is due at byte " + at);
    }
}
