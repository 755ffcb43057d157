// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.text;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.List;

/** Effect of a later token on a text, by a tokenizer's way to join tokens. */
enum TokenJoining {
    /** Each token adds whole characters to the text before it, and changes none. */
    CHARACTERS,
    /** The tokens' bytes are joined: a character may begin in one token and end in another. */
    BYTES,
    /**
     * Tokens of a byte each in a row are read together, and are all U+FFFD if one of them fails.
     */
    BYTE_RUNS,
    /** All of the text may change with any token. */
    ALL;

    /** Works out the joining of a decoder's steps. */
    static TokenJoining of(List<JsonObject> steps) {
        TokenJoining joining = CHARACTERS;
        boolean fused = false;
        boolean added = false;
        for (JsonObject step : steps) {
            String type = step.get("type").getAsString();
            boolean fits =
                    switch (type) {
                        case "Fuse", "Strip" -> true;
                        case "ByteLevel", "ByteFallback" ->
                                joining == CHARACTERS && !fused && !added;
                        case "Metaspace" -> true;
                        case "Replace" -> !fused || replacesOneCharacter(step);
                        case "WordPiece", "BPEDecoder", "CTC" -> !fused;
                        default -> false;
                    };
            if (!fits) {
                return ALL;
            }
            joining =
                    switch (type) {
                        case "ByteLevel" -> BYTES;
                        case "ByteFallback" -> BYTE_RUNS;
                        default -> joining;
                    };
            fused |= type.equals("Fuse") || type.equals("ByteLevel");
            // Such a step before it makes other tokens of bytes than the vocabulary has.
            added |= !type.equals("Fuse") && !keepsBytes(step);
        }
        return joining;
    }

    /** True if a step leaves tokens of single bytes, and a byte-level token's characters, alone. */
    private static boolean keepsBytes(JsonObject step) {
        return switch (step.get("type").getAsString()) {
            case "Metaspace" -> true;
            case "Replace" -> replacesOneCharacter(step) && pattern(step).codePointAt(0) > 0x143;
            default -> false;
        };
    }

    private static boolean replacesOneCharacter(JsonObject step) {
        String pattern = pattern(step);
        return pattern.codePointCount(0, pattern.length()) == 1;
    }

    /** The text to replace; empty if it is an expression. */
    private static String pattern(JsonObject step) {
        JsonElement text = step.getAsJsonObject("pattern").get("String");
        return text == null ? "" : text.getAsString();
    }
}
