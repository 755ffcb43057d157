// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.text;

/**
 * Bytes that tokens and their characters stand for, in the two ways in which vocabularies do it.
 */
final class ByteTokens {
    /** The answer for what stands for no byte. */
    static final int NO_BYTE = -1;

    private static final int VALUES = 256;
    private static final int OTHERS = 68;
    private static final int NAME_LENGTH = "<0x0A>".length();
    private static final int[] BYTE_OF_LETTER = new int[VALUES + OTHERS];

    static {
        int others = VALUES;
        for (int value = 0; value < VALUES; value++) {
            boolean printable = (value > ' ' && value < 127) || (value > 160 && value != 173);
            if (!printable) {
                BYTE_OF_LETTER[value] = NO_BYTE;
            }
            BYTE_OF_LETTER[printable ? value : others++] = value;
        }
    }

    private ByteTokens() {}

    /**
     * The byte of a byte-level token's character: printable ones stand for themselves, the others,
     * in their order, for those from U+0100 on.
     */
    static int ofLetter(char letter) {
        return letter < BYTE_OF_LETTER.length ? BYTE_OF_LETTER[letter] : NO_BYTE;
    }

    /** The byte of a whole token such as {@code <0x0A>}, of a vocabulary with byte fallback. */
    static int ofName(String token) {
        boolean shaped =
                token.length() == NAME_LENGTH
                        && token.startsWith("<0x")
                        && token.charAt(NAME_LENGTH - 1) == '>';
        if (!shaped) {
            return NO_BYTE;
        }
        int high = Character.digit(token.charAt(3), 16);
        int low = Character.digit(token.charAt(4), 16);
        return high < 0 || low < 0 ? NO_BYTE : 16 * high + low;
    }
}
