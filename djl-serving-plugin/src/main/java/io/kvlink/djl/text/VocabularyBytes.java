// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.text;

import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import java.util.BitSet;

/** Lengths of a vocabulary's tokens, and whether any text at all can be made of them. */
final class VocabularyBytes {

    private static final int BYTE_VALUES = 256;
    private static final long BYTES_OF_CHARACTER = 4;

    private final JsonObject settings;
    // Bytes with a token of their own: a byte-level character, or one such as <0x0A>.
    private final BitSet letters = new BitSet();
    private final BitSet fallbacks = new BitSet();

    private long longestBytes;
    private long longestCharacters;
    private long longestAdded;
    private boolean spacesJoin;

    VocabularyBytes(TokenizerFile file) {
        settings = file.model();
        file.addedTokens().forEach(this::addAdded);
        for (String token : file.vocabulary()) {
            if (token != null) {
                add(token);
            }
        }
    }

    private void addAdded(JsonObject token) {
        longestAdded =
                Math.max(longestAdded, TextBound.bytes(TokenizerFile.text(token, "content")));
        // Any number of spaces beside such a token becomes part of it.
        spacesJoin |= TokenizerFile.flag(token, "lstrip") || TokenizerFile.flag(token, "rstrip");
    }

    private void add(String token) {
        longestBytes = Math.max(longestBytes, TextBound.bytes(token));
        longestCharacters = Math.max(longestCharacters, token.codePointCount(0, token.length()));
        int letter = token.length() == 1 ? ByteTokens.ofLetter(token.charAt(0)) : -1;
        if (letter != ByteTokens.NO_BYTE) {
            letters.set(letter);
        }
        int named = ByteTokens.ofName(token);
        // The tokenizer looks for upper case only.
        if (named != ByteTokens.NO_BYTE && token.equals("<0x%02X>".formatted(named))) {
            fallbacks.set(named);
        }
    }

    /** Most bytes of text of one token; byte-level, each of its characters is a byte. */
    long longest(boolean byteLevel) {
        long own = byteLevel ? longestCharacters : Math.max(BYTES_OF_CHARACTER, longestBytes);
        return Math.max(own, longestAdded);
    }

    /**
     * True if each character of a text ends in a token, and no token takes any number of them.
     * Otherwise they may be dropped, join a token beside them, or stand behind one for what is
     * unknown.
     */
    boolean coversText(boolean byteLevel) {
        boolean fallback =
                TokenizerFile.flag(settings, "byte_fallback")
                        && fallbacks.cardinality() == BYTE_VALUES;
        return !spacesJoin
                && switch (TokenizerFile.text(settings, "type")) {
                    case "BPE" ->
                            fallback
                                    || (isPlain()
                                            && byteLevel
                                            && letters.cardinality() == BYTE_VALUES)
                                    || (unknownIsOneToken()
                                            && !TokenizerFile.flag(settings, "fuse_unk"));
                    case "Unigram" -> fallback;
                    default -> false;
                };
    }

    private boolean isPlain() {
        return TokenizerFile.text(settings, "continuing_subword_prefix").isEmpty()
                && TokenizerFile.text(settings, "end_of_word_suffix").isEmpty();
    }

    private boolean unknownIsOneToken() {
        JsonElement unknown = settings.get("unk_token");
        return unknown != null && !(unknown instanceof JsonNull);
    }
}
