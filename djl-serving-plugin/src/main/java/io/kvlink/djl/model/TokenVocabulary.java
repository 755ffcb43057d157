// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

import java.nio.charset.StandardCharsets;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/** The tokens of a tokenizer as bytes, which decoding alone doesn't tell. Thread-safe. */
final class TokenVocabulary {
    private static final int NO_BYTE = -1;
    // A byte-level token's characters stand for bytes: the printable ones for themselves, the
    // others, in their order, for those from 256 on.
    private static final int[] BYTE_OF = new int[256 + 68];

    static {
        int others = 256;
        for (int value = 0; value < 256; value++) {
            boolean printable = (value > ' ' && value < 127) || (value > 160 && value != 173);
            if (!printable) {
                BYTE_OF[value] = NO_BYTE;
            }
            BYTE_OF[printable ? value : others++] = value;
        }
    }

    private final @Nullable String[] tokens;
    private final BitSet special;
    private final TokenJoining joining;

    TokenVocabulary(TokenizerFile file) {
        this.tokens = file.tokens().toArray(new String[0]);
        this.special = file.special();
        this.joining = TokenJoining.of(file.decoders());
    }

    TokenJoining joining() {
        return joining;
    }

    /** Whether a text shows a token: neither special ones nor unknown ones are shown. */
    boolean shows(int token) {
        return token >= 0 && token < tokens.length && tokens[token] != null && !special.get(token);
    }

    /** The byte that a token stands for where bytes are tokens; -1 if it is none of those. */
    int byteOf(int token) {
        if (joining != TokenJoining.BYTE_RUNS || !known(token)) {
            return NO_BYTE;
        }
        String text = tokens[token];
        boolean shaped = text.length() == 6 && text.startsWith("<0x") && text.charAt(5) == '>';
        if (!shaped) {
            return NO_BYTE;
        }
        int high = Character.digit(text.charAt(3), 16);
        int low = Character.digit(text.charAt(4), 16);
        return high < 0 || low < 0 ? NO_BYTE : 16 * high + low;
    }

    /** A token's own bytes, if they aren't those of a text that decoding tells; else null. */
    byte @Nullable [] ownBytes(int token) {
        if (!known(token)) {
            return null;
        }
        if (joining == TokenJoining.BYTES) {
            return levelBytes(tokens[token]);
        }
        int single = byteOf(token);
        return single == NO_BYTE ? null : new byte[] {(byte) single};
    }

    private boolean known(int token) {
        return token >= 0 && token < tokens.length && tokens[token] != null;
    }

    private static byte[] levelBytes(String token) {
        byte[] bytes = new byte[token.length()];
        for (int i = 0; i < bytes.length; i++) {
            char letter = token.charAt(i);
            int value = letter < BYTE_OF.length ? BYTE_OF[letter] : NO_BYTE;
            if (value == NO_BYTE) {
                // Added with the text it stands for.
                return token.getBytes(StandardCharsets.UTF_8);
            }
            bytes[i] = (byte) value;
        }
        return bytes;
    }
}
