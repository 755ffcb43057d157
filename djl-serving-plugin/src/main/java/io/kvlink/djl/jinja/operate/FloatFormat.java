// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.operate;

import io.kvlink.djl.jinja.error.TemplateException;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;

/** Digits of floats, as C's {@code printf} writes them. All numbers are finite and not negative. */
final class FloatFormat {

    private static final int MAX_PRECISION = 10_000;

    private FloatFormat() {}

    static int requirePrecision(long precision) {
        if (precision > MAX_PRECISION) {
            throw TemplateException.limit("a precision of %d digits".formatted(precision));
        }
        return (int) precision;
    }

    /** {@code %f}. */
    static String fixed(double value, int precision) {
        return new BigDecimal(value).setScale(precision, RoundingMode.HALF_EVEN).toPlainString();
    }

    /** {@code %e}. */
    static String scientific(double value, int precision) {
        if (value == 0) {
            return withPoint("0" + "0".repeat(precision)) + "e+00";
        }
        BigDecimal rounded = rounded(value, precision + 1);
        String digits = rounded.unscaledValue().toString();
        int exponent = rounded.precision() - rounded.scale() - 1;
        String padded = digits + "0".repeat(Math.max(0, precision + 1 - digits.length()));
        return "%se%s%02d"
                .formatted(withPoint(padded), exponent < 0 ? "-" : "+", Math.abs(exponent));
    }

    private static BigDecimal rounded(double value, int digits) {
        return new BigDecimal(value).round(new MathContext(digits, RoundingMode.HALF_EVEN));
    }

    private static String withPoint(String digits) {
        return digits.length() == 1 ? digits : digits.charAt(0) + "." + digits.substring(1);
    }

    /**
     * {@code %g}.
     *
     * @param keepZeros whether zeros at the end stay
     * @param pointed as a float without a type is written: with a digit behind the point
     */
    static String general(double value, int precision, boolean keepZeros, boolean pointed) {
        int digits = Math.max(1, precision);
        int exponent = 0;
        if (value != 0) {
            BigDecimal rounded = rounded(value, digits);
            exponent = rounded.precision() - rounded.scale() - 1;
        }
        if (exponent < -4 || exponent >= digits - (pointed ? 1 : 0)) {
            String text = scientific(value, digits - 1);
            int mark = text.indexOf('e');
            String mantissa = text.substring(0, mark);
            return (keepZeros ? mantissa : withoutZeros(mantissa)) + text.substring(mark);
        }
        String text = fixed(value, digits - 1 - exponent);
        String kept = keepZeros ? text : withoutZeros(text);
        return pointed && kept.indexOf('.') < 0 ? kept + ".0" : kept;
    }

    private static String withoutZeros(String text) {
        if (text.indexOf('.') < 0) {
            return text;
        }
        int end = text.length();
        while (text.charAt(end - 1) == '0') {
            end--;
        }
        return text.substring(0, text.charAt(end - 1) == '.' ? end - 1 : end);
    }
}
