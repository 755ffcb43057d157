// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.text;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Text and bytes of one token by itself, behind other text.
 *
 * @param text as it is decoded alone; half a character is U+FFFD
 * @param bytes its own, which may be half a character; not changed by anyone
 */
@SuppressWarnings("ArrayRecordComponent") // Shared, not copied: asked for with every token.
public record TokenText(String text, byte[] bytes) {

    /** No text at all. */
    public static final TokenText NONE = new TokenText("", new byte[0]);

    /** A token of whole characters. */
    public static TokenText of(String text) {
        return new TokenText(text, text.getBytes(StandardCharsets.UTF_8));
    }

    /** The text, or {@code bytes:\xf0\x9f} for half a character, so that halves differ. */
    public String name() {
        if (Arrays.equals(bytes, text.getBytes(StandardCharsets.UTF_8))) {
            return text;
        }
        StringBuilder name = new StringBuilder("bytes:");
        for (byte each : bytes) {
            if (each >= ' ' && each < 127 && each != '\\') {
                name.append((char) each);
            } else {
                name.append("\\x%02x".formatted(each));
            }
        }
        return name.toString();
    }
}
