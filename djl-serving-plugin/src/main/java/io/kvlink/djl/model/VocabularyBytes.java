// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import java.util.HashSet;
import java.util.Set;
import java.util.regex.Pattern;

/** Lengths of a vocabulary's tokens, and whether any text at all can be made of them. */
final class VocabularyBytes {

    private static final int BYTE_VALUES = 256;
    private static final long BYTES_OF_CHARACTER = 4;
    private static final int FALLBACK_LENGTH = "<0x0A>".length();
    private static final Pattern FALLBACK = Pattern.compile("<0x[0-9A-F]{2}>");

    private final JsonObject settings = new JsonObject();
    // The tokens of one byte each: as byte-level writes them, and as <0x0A>.
    private final Set<String> letters = new HashSet<>();
    private final Set<String> fallbacks = new HashSet<>();

    private long longestBytes;
    private long longestCharacters;

    /** A setting of the model, as its file has it. */
    void set(String key, JsonElement value) {
        settings.add(key, value);
    }

    /** One token more. */
    void add(String token) {
        longestBytes = Math.max(longestBytes, utf8(token));
        longestCharacters = Math.max(longestCharacters, token.codePointCount(0, token.length()));
        if (token.length() == 1 && isByteLetter(token.charAt(0))) {
            letters.add(token);
        } else if (token.length() == FALLBACK_LENGTH && FALLBACK.matcher(token).matches()) {
            fallbacks.add(token);
        }
    }

    /** Most bytes of text of one token; byte-level, each of its characters is a byte. */
    long longest(boolean byteLevel) {
        return byteLevel ? longestCharacters : Math.max(BYTES_OF_CHARACTER, longestBytes);
    }

    /**
     * Whether each character of a text ends in a token. Otherwise any number of them may be
     * dropped, or stand behind one token for what is unknown.
     */
    boolean coversText(boolean byteLevel) {
        boolean fallback =
                TextSteps.flag(settings, "byte_fallback") && fallbacks.size() == BYTE_VALUES;
        return switch (TextSteps.text(settings, "type")) {
            case "BPE" ->
                    fallback
                            || (isPlain() && byteLevel && letters.size() == BYTE_VALUES)
                            || (unknownIsOneToken() && !TextSteps.flag(settings, "fuse_unk"));
            case "Unigram" -> fallback;
            default -> false;
        };
    }

    private boolean isPlain() {
        return TextSteps.text(settings, "continuing_subword_prefix").isEmpty()
                && TextSteps.text(settings, "end_of_word_suffix").isEmpty();
    }

    private boolean unknownIsOneToken() {
        JsonElement unknown = settings.get("unk_token");
        return unknown != null && !(unknown instanceof JsonNull);
    }

    static long utf8(String text) {
        return TextBound.bytes(text);
    }

    /** The alphabet of byte-level: visible Latin-1, and U+0100 to U+0143 for what isn't visible. */
    private static boolean isByteLetter(char letter) {
        return (letter >= '!' && letter <= '~')
                || (letter >= 0xa1 && letter <= 0xac)
                || (letter >= 0xae && letter <= 0xff)
                || (letter >= 0x100 && letter <= 0x143);
    }
}
