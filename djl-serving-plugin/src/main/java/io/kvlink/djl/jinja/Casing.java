// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja;

import java.util.Locale;

/** Python's upper, lower and title case. */
final class Casing {

    private static final int DOTLESS_I = 0x131;
    private static final int DOTTED_I = 0x130;

    private Casing() {}

    static String upper(String text) {
        return text.toUpperCase(Locale.ROOT);
    }

    static String lower(String text) {
        return text.toLowerCase(Locale.ROOT);
    }

    static String capitalized(String text) {
        if (text.isEmpty()) {
            return text;
        }
        int first = text.codePointAt(0);
        return titled(first) + lower(text.substring(Character.charCount(first)));
    }

    static String title(String text) {
        StringBuilder out = new StringBuilder(text.length());
        int start = 0;
        boolean inWord = false;
        for (int i = 0; i < text.length(); ) {
            int c = text.codePointAt(i);
            int next = i + Character.charCount(c);
            boolean cased = isCased(c);
            if (cased && !inWord) {
                out.append(lower(text.substring(start, i))).append(titled(c));
                start = next;
            }
            inWord = cased;
            i = next;
        }
        return out.append(lower(text.substring(start))).toString();
    }

    /** A character at a word's beginning; some become two, such as "Ss". */
    private static String titled(int c) {
        int simple = Character.toTitleCase(c);
        String upper = upper(Character.toString(c));
        if (simple != c || upper.codePointCount(0, upper.length()) < 2) {
            return Character.toString(simple);
        }
        int first = upper.offsetByCodePoints(0, 1);
        return upper.substring(0, first) + lower(upper.substring(first));
    }

    static String swapped(String text) {
        StringBuilder out = new StringBuilder(text.length());
        text.codePoints()
                .forEach(
                        c -> {
                            String one = Character.toString(c);
                            out.append(
                                    Character.isUpperCase(c)
                                            ? lower(one)
                                            : Character.isLowerCase(c) ? upper(one) : one);
                        });
        return out.toString();
    }

    static String folded(String text) {
        StringBuilder out = new StringBuilder(text.length());
        text.codePoints().forEach(c -> fold(c, out));
        return out.toString();
    }

    private static void fold(int c, StringBuilder out) {
        if (c == DOTLESS_I) {
            out.appendCodePoint(c);
        } else if (c == DOTTED_I) {
            out.append(lower(Character.toString(c)));
        } else {
            upper(Character.toString(c))
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

    static boolean isUpper(String text) {
        return text.codePoints().anyMatch(Character::isUpperCase)
                && text.codePoints()
                        .noneMatch(c -> Character.isLowerCase(c) || Character.isTitleCase(c));
    }

    static boolean isLower(String text) {
        return text.codePoints().anyMatch(Character::isLowerCase)
                && text.codePoints()
                        .noneMatch(c -> Character.isUpperCase(c) || Character.isTitleCase(c));
    }
}
