// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.value;

import java.util.Arrays;

/** Python's view of Java's strings: code points instead of UTF-16 units. */
public final class Text {

    private static final int SHORT_NEEDLE = 32;

    private Text() {}

    public static boolean is(Object value) {
        return value instanceof String || value instanceof Markup;
    }

    /** The characters of a value for which {@link #is} holds. */
    public static String of(Object value) {
        return value instanceof Markup markup ? markup.text() : (String) value;
    }

    public static int length(String text) {
        return text.codePointCount(0, text.length());
    }

    /** True if each code point is one unit, so that Java's indices are Python's. */
    static boolean isPlain(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (Character.isSurrogate(text.charAt(i))) {
                return false;
            }
        }
        return true;
    }

    /** The part between two indices of code points, which are in range. */
    public static String slice(String text, int start, int end) {
        if (isPlain(text)) {
            return text.substring(start, end);
        }
        int from = text.offsetByCodePoints(0, start);
        return text.substring(from, text.offsetByCodePoints(from, end - start));
    }

    public static String reversed(String text) {
        return new StringBuilder(text).reverse().toString();
    }

    /** Order of code points. */
    public static int compare(String a, String b) {
        int common = Math.min(a.length(), b.length());
        for (int i = 0; i < common; i++) {
            char left = a.charAt(i);
            char right = b.charAt(i);
            if (left != right) {
                boolean same = Character.isSurrogate(left) == Character.isSurrogate(right);
                return same ? left - right : Character.isSurrogate(left) ? 1 : -1;
            }
        }
        return a.length() - b.length();
    }

    /** First place of {@code needle} at or after {@code from}, in time linear in both lengths. */
    public static int indexOf(String text, String needle, int from) {
        if (needle.length() <= SHORT_NEEDLE) {
            return text.indexOf(needle, from);
        }
        int[] borders = borders(needle);
        int matched = 0;
        for (int i = from; i < text.length(); i++) {
            while (matched > 0 && text.charAt(i) != needle.charAt(matched)) {
                matched = borders[matched - 1];
            }
            if (text.charAt(i) == needle.charAt(matched)) {
                matched++;
            }
            if (matched == needle.length()) {
                return i - matched + 1;
            }
        }
        return -1;
    }

    /** Last place of {@code needle} that ends at or before {@code end}. */
    public static int lastIndexOf(String text, String needle, int end) {
        if (needle.length() <= SHORT_NEEDLE) {
            return text.lastIndexOf(needle, end - needle.length());
        }
        String backward = new StringBuilder(text.substring(0, end)).reverse().toString();
        // Reversing keeps surrogate pairs in order, on both sides alike.
        int found = indexOf(backward, new StringBuilder(needle).reverse().toString(), 0);
        return found < 0 ? -1 : end - found - needle.length();
    }

    private static int[] borders(String needle) {
        int[] borders = new int[needle.length()];
        Arrays.fill(borders, 0);
        int matched = 0;
        for (int i = 1; i < needle.length(); i++) {
            while (matched > 0 && needle.charAt(i) != needle.charAt(matched)) {
                matched = borders[matched - 1];
            }
            if (needle.charAt(i) == needle.charAt(matched)) {
                matched++;
            }
            borders[i] = matched;
        }
        return borders;
    }

    /** White space, as {@code str.isspace} has it. */
    public static boolean isSpace(int c) {
        return c == ' '
                || (c >= 0x09 && c <= 0x0d)
                || (c >= 0x1c && c <= 0x1f)
                || c == 0x85
                || c == 0xa0
                || c == 0x1680
                || (c >= 0x2000 && c <= 0x200a)
                || c == 0x2028
                || c == 0x2029
                || c == 0x202f
                || c == 0x205f
                || c == 0x3000;
    }

    /** Ends of lines, as {@code str.splitlines} has them. */
    public static boolean isLineEnd(char c) {
        return (c >= 0x0a && c <= 0x0d)
                || (c >= 0x1c && c <= 0x1e)
                || c == 0x85
                || c == 0x2028
                || c == 0x2029;
    }

    public static String stripLeft(String text) {
        int start = 0;
        while (start < text.length() && isSpace(text.charAt(start))) {
            start++;
        }
        return text.substring(start);
    }

    public static String stripRight(String text) {
        int end = text.length();
        while (end > 0 && isSpace(text.charAt(end - 1))) {
            end--;
        }
        return text.substring(0, end);
    }

    /** Word characters of Python's regular expressions. */
    public static boolean isWord(int c) {
        return c == '_' || Character.isLetter(c) || Digits.isNumeric(c);
    }
}
