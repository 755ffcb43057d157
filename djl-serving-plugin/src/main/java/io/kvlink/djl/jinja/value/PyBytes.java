// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.value;

import java.util.Arrays;

/** Python's {@code bytes}; to be had by {@code str.encode}. */
public final class PyBytes {

    private final byte[] bytes;

    /** Takes the bytes, which nobody changes afterwards. */
    public PyBytes(byte[] bytes) {
        this.bytes = bytes;
    }

    public byte[] bytes() {
        return bytes;
    }

    public int at(int index) {
        return bytes[index] & 0xff;
    }

    int size() {
        return bytes.length;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof PyBytes that && Arrays.equals(bytes, that.bytes);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(bytes);
    }

    /** Text that Python shows for it. */
    String repr() {
        StringBuilder text = new StringBuilder();
        boolean single = false;
        boolean twofold = false;
        for (byte b : bytes) {
            single |= b == '\'';
            twofold |= b == '"';
        }
        char quote = single && !twofold ? '"' : '\'';
        text.append('b').append(quote);
        for (byte b : bytes) {
            appendByte(text, b & 0xff, quote);
        }
        return text.append(quote).toString();
    }

    private static void appendByte(StringBuilder text, int b, char quote) {
        switch (b) {
            case '\t' -> text.append("\\t");
            case '\n' -> text.append("\\n");
            case '\r' -> text.append("\\r");
            case '\\' -> text.append("\\\\");
            default -> {
                if (b == quote) {
                    text.append('\\').append(quote);
                } else if (b < 0x20 || b >= 0x7f) {
                    text.append("\\x").append(String.format("%02x", b));
                } else {
                    text.append((char) b);
                }
            }
        }
    }
}
