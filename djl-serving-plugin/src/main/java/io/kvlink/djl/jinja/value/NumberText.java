// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.value;

import java.math.BigInteger;
import java.util.Locale;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Numbers in texts, as Python's {@code int()} and {@code float()} read them. */
public final class NumberText {

    // Without choices, so matching takes linear time.
    private static final Pattern DECIMAL =
            Pattern.compile(
                    "[+-]?(?:[0-9]++(?:_[0-9]++)*+(?:\\.(?:[0-9]++(?:_[0-9]++)*+)?+)?+"
                            + "|\\.[0-9]++(?:_[0-9]++)*+)(?:[eE][+-]?[0-9]++(?:_[0-9]++)*+)?+");

    private static final Pattern DIGITS = Pattern.compile("_?[0-9a-z]++(?:_[0-9a-z]++)*+");

    private NumberText() {}

    /** Null if it is none. */
    public static @Nullable Object integer(String text, int base) {
        String number = ascii(Text.stripRight(Text.stripLeft(text))).toLowerCase(Locale.ROOT);
        boolean negative = number.startsWith("-");
        String digits = negative || number.startsWith("+") ? number.substring(1) : number;
        int radix = base;
        int prefixed =
                digits.startsWith("0x")
                        ? 16
                        : digits.startsWith("0o") ? 8 : digits.startsWith("0b") ? 2 : 0;
        boolean hasPrefix = prefixed > 0 && (base == prefixed || base == 0);
        if (hasPrefix) {
            digits = digits.substring(2);
            radix = prefixed;
        } else if (base == 0) {
            radix = 10;
        }
        if (radix < 2
                || radix > 36
                || !DIGITS.matcher(digits).matches()
                || (digits.startsWith("_") && !hasPrefix)) {
            return null;
        }
        return parsed(digits.replace("_", ""), radix, base == 0 && !hasPrefix, negative);
    }

    private static @Nullable Object parsed(
            String digits, int radix, boolean noLeadingZero, boolean negative) {
        boolean allDigits = digits.chars().allMatch(c -> Character.digit(c, radix) >= 0);
        boolean leadingZero = digits.startsWith("0") && !digits.matches("0+");
        if (!allDigits || digits.length() > Numbers.MAX_DIGITS || (noLeadingZero && leadingZero)) {
            return null;
        }
        BigInteger value = new BigInteger(digits, radix);
        return Numbers.of(negative ? value.negate() : value);
    }

    /** Decimal digits of other scripts as those of ASCII. */
    private static String ascii(String text) {
        if (text.chars().allMatch(c -> c < 0x80)) {
            return text;
        }
        StringBuilder out = new StringBuilder();
        text.codePoints()
                .forEach(
                        c -> {
                            if (Character.isDigit(c)) {
                                out.append(Character.digit(c, 10));
                            } else {
                                out.appendCodePoint(c);
                            }
                        });
        return out.toString();
    }

    /** Null if it is none. */
    public static @Nullable Double real(String text) {
        String number = ascii(Text.stripRight(Text.stripLeft(text)));
        if (DECIMAL.matcher(number).matches()) {
            return Double.valueOf(number.replace("_", ""));
        }
        String word = number.toLowerCase(Locale.ROOT);
        boolean negative = word.startsWith("-");
        return switch (negative || word.startsWith("+") ? word.substring(1) : word) {
            case "inf", "infinity" ->
                    negative ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
            case "nan" -> Double.NaN;
            default -> null;
        };
    }
}
