// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.text;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.List;
import java.util.function.Predicate;

/**
 * Steps that a text goes through before a tokenizer's model sees it, as far as they change its
 * length.
 */
final class TextSteps {

    /**
     * Times that a Unicode normal form shortens a text at most. A composed character has two bytes
     * or more, and is made of four code points at most, of four bytes each.
     */
    private static final long NORMAL_FORM = 8;

    /** Times that lower case shortens a text at most: no code point has more than four bytes. */
    private static final long LOWER_CASE = 4;

    private static final long UNKNOWN = 0;

    private final JsonElement normalizer;
    private final JsonElement preTokenizer;

    TextSteps(JsonElement normalizer, JsonElement preTokenizer) {
        this.normalizer = normalizer;
        this.preTokenizer = preTokenizer;
    }

    /** True if every character of a text is still there, in one form or another. */
    boolean keepsText() {
        return shrinking() != UNKNOWN && keepsText(preTokenizer);
    }

    /** Times that a text gets shorter at most; 0 if there is no such number. */
    long shrinking() {
        return shrinking(normalizer);
    }

    /** True if the model sees one character for each byte. */
    boolean byteLevel() {
        return any(normalizer, TextSteps::isByteLevel) || any(preTokenizer, TextSteps::isByteLevel);
    }

    private static long shrinking(JsonElement element) {
        if (element.isJsonNull()) {
            return 1;
        }
        if (!(element instanceof JsonObject step)) {
            return UNKNOWN;
        }
        return switch (TokenizerFile.text(step, "type")) {
            case "Sequence" -> all(step, "normalizers");
            case "NFC", "NFD", "NFKC", "NFKD" -> NORMAL_FORM;
            case "Lowercase" -> LOWER_CASE;
            case "Prepend", "ByteLevel" -> 1;
            case "Strip" ->
                    TokenizerFile.flag(step, "strip_left")
                                    || TokenizerFile.flag(step, "strip_right")
                            ? UNKNOWN
                            : 1;
            case "Replace" -> replacement(step);
            default -> UNKNOWN;
        };
    }

    private static long all(JsonObject sequence, String key) {
        long product = 1;
        for (JsonElement step : list(sequence, key)) {
            product = Math.min(product * shrinking(step), TextBound.MOST_BYTES);
        }
        return product;
    }

    private static long replacement(JsonObject step) {
        if (!(step.get("pattern") instanceof JsonObject pattern) || !pattern.has("String")) {
            return UNKNOWN;
        }
        long before = TextBound.bytes(TokenizerFile.text(pattern, "String"));
        long after = TextBound.bytes(TokenizerFile.text(step, "content"));
        return after == 0 ? UNKNOWN : Math.max(1, (before + after - 1) / after);
    }

    private static boolean keepsText(JsonElement element) {
        if (element.isJsonNull()) {
            return true;
        }
        if (!(element instanceof JsonObject step)) {
            return false;
        }
        return switch (TokenizerFile.text(step, "type")) {
            case "Sequence" ->
                    list(step, "pretokenizers").asList().stream().allMatch(TextSteps::keepsText);
            case "ByteLevel", "Metaspace", "Digits", "UnicodeScripts" -> true;
            case "Split", "Punctuation" -> !TokenizerFile.text(step, "behavior").equals("Removed");
            default -> false;
        };
    }

    private static boolean any(JsonElement element, Predicate<JsonObject> which) {
        if (!(element instanceof JsonObject step)) {
            return false;
        }
        return which.test(step)
                || List.of("normalizers", "pretokenizers").stream()
                        .flatMap(key -> list(step, key).asList().stream())
                        .anyMatch(inner -> any(inner, which));
    }

    private static boolean isByteLevel(JsonObject step) {
        return TokenizerFile.text(step, "type").equals("ByteLevel");
    }

    private static JsonArray list(JsonObject step, String key) {
        return step.get(key) instanceof JsonArray list ? list : new JsonArray();
    }
}
