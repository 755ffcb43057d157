// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.operate;

import java.util.Locale;

/** Python's upper, lower and title case. */
public final class Casing {

    private static final int DOTLESS_I = 0x131;
    private static final int SIGMA = 0x3a3;
    private static final String IGNORED =
            "'.:^`\u00a8\u00ad\u00af\u00b4\u00b7\u00b8\u2018\u2019\u2024\u2027";

    private Casing() {}

    public static String upper(String text) {
        return text.toUpperCase(Locale.ROOT);
    }

    public static String lower(String text) {
        return text.toLowerCase(Locale.ROOT);
    }

    public static String capitalized(String text) {
        StringBuilder out = new StringBuilder(text.length());
        for (int i = 0; i < text.length(); i = text.offsetByCodePoints(i, 1)) {
            out.append(i == 0 ? titled(text.codePointAt(0)) : lowerAt(text, i));
        }
        return out.toString();
    }

    static String title(String text) {
        StringBuilder out = new StringBuilder(text.length());
        boolean inWord = false;
        for (int i = 0; i < text.length(); i = text.offsetByCodePoints(i, 1)) {
            int c = text.codePointAt(i);
            out.append(inWord ? lowerAt(text, i) : titled(c));
            inWord = isCased(c);
        }
        return out.toString();
    }

    /** The character there in lower case; a sigma at a word's end has a form of its own. */
    private static String lowerAt(String text, int at) {
        int c = text.codePointAt(at);
        if (c != SIGMA) {
            return lower(Character.toString(c));
        }
        int before = at;
        do {
            before--;
        } while (before > 0 && isIgnored(text.charAt(before)));
        int after = at + 1;
        while (after < text.length() && isIgnored(text.charAt(after))) {
            after++;
        }
        boolean ends =
                before >= 0
                        && isCased(text.codePointBefore(before + 1))
                        && (after == text.length() || !isCased(text.codePointAt(after)));
        return ends ? "\u03c2" : "\u03c3";
    }

    /** True if a character doesn't separate letters of a word. */
    private static boolean isIgnored(char c) {
        return switch (Character.getType(c)) {
            case Character.NON_SPACING_MARK,
                    Character.ENCLOSING_MARK,
                    Character.FORMAT,
                    Character.MODIFIER_LETTER,
                    Character.MODIFIER_SYMBOL ->
                    true;
            default -> IGNORED.indexOf(c) >= 0;
        };
    }

    /** A character at a word's beginning; some become two, such as "Ss". */
    private static String titled(int c) {
        int simple = Character.toTitleCase(c);
        String upper = upper(Character.toString(c));
        if (simple != c
                || Character.isTitleCase(c)
                || upper.codePointCount(0, upper.length()) < 2) {
            return Character.toString(simple);
        }
        // An apostrophe before the letter isn't what gets the upper case.
        int letters = isCased(upper.codePointAt(0)) ? 1 : 2;
        int first = upper.offsetByCodePoints(0, letters);
        String rest = lower(upper.substring(first));
        // Greek writes the iota below a capital letter.
        return upper.substring(0, first) + (c >= 0x1f80 ? rest.replace('\u03b9', '\u0345') : rest);
    }

    static String swapped(String text) {
        StringBuilder out = new StringBuilder(text.length());
        for (int i = 0; i < text.length(); i = text.offsetByCodePoints(i, 1)) {
            int c = text.codePointAt(i);
            String one = Character.toString(c);
            out.append(
                    Character.isUpperCase(c)
                            ? lowerAt(text, i)
                            : Character.isLowerCase(c) ? upper(one) : one);
        }
        return out.toString();
    }

    static String folded(String text) {
        StringBuilder out = new StringBuilder(text.length());
        text.codePoints().forEach(c -> fold(c, out));
        return out.toString();
    }

    private static void fold(int c, StringBuilder out) {
        if (c == DOTLESS_I || (c >= 0x13a0 && c <= 0x13f5)) {
            out.appendCodePoint(c);
        } else if ((c >= 0x13f8 && c <= 0x13fd) || (c >= 0xab70 && c <= 0xabbf)) {
            // Cherokee folds to its older, upper letters.
            out.appendCodePoint(Character.toUpperCase(c));
        } else {
            upper(lower(Character.toString(c)))
                    .codePoints()
                    .forEach(upper -> out.appendCodePoint(Character.toLowerCase(upper)));
        }
    }

    static boolean isCased(int c) {
        return Character.isUpperCase(c) || Character.isLowerCase(c) || Character.isTitleCase(c);
    }

    static boolean isTitle(String text) {
        boolean found = false;
        boolean inWord = false;
        for (int c : text.codePoints().toArray()) {
            boolean up = Character.isUpperCase(c) || Character.isTitleCase(c);
            if ((up && inWord) || (Character.isLowerCase(c) && !inWord)) {
                return false;
            }
            inWord = isCased(c);
            found |= inWord;
        }
        return found;
    }

    public static boolean isUpper(String text) {
        return text.codePoints().anyMatch(Character::isUpperCase)
                && text.codePoints()
                        .noneMatch(c -> Character.isLowerCase(c) || Character.isTitleCase(c));
    }

    public static boolean isLower(String text) {
        return text.codePoints().anyMatch(Character::isLowerCase)
                && text.codePoints()
                        .noneMatch(c -> Character.isUpperCase(c) || Character.isTitleCase(c));
    }
}
