// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.value;

import io.kvlink.djl.jinja.error.Limits;
import io.kvlink.djl.jinja.error.TemplateException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;

/** Python's {@code int}, {@code float} and {@code bool} in Java's types. */
public final class Numbers {

    /** Digits that Python turns an integer's text into, or takes from one, at most. */
    public static final int MAX_DIGITS = 4300;

    private static final BigInteger MIN_LONG = BigInteger.valueOf(Long.MIN_VALUE);
    private static final BigInteger MAX_LONG = BigInteger.valueOf(Long.MAX_VALUE);

    private Numbers() {}

    public static boolean isInteger(Object value) {
        return value instanceof Long || value instanceof BigInteger || value instanceof Boolean;
    }

    public static boolean is(Object value) {
        return isInteger(value) || value instanceof Double;
    }

    /** An integer in the smallest of the types that hold it. */
    public static Object of(BigInteger value) {
        if (value.bitLength() > Limits.INTEGER_BITS) {
            throw TemplateException.limit("an integer of %d bits".formatted(value.bitLength()));
        }
        return value.compareTo(MIN_LONG) >= 0 && value.compareTo(MAX_LONG) <= 0
                ? (Object) value.longValue()
                : value;
    }

    public static BigInteger big(Object integer) {
        if (integer instanceof BigInteger big) {
            return big;
        }
        return BigInteger.valueOf(
                integer instanceof Boolean bool ? (bool ? 1 : 0) : (Long) integer);
    }

    public static double real(Object number) {
        if (number instanceof Double real) {
            return real;
        }
        if (number instanceof BigInteger big) {
            double real = big.doubleValue();
            if (Double.isInfinite(real)) {
                throw TemplateException.overflow("int too large to convert to float");
            }
            return real;
        }
        return number instanceof Boolean bool ? (bool ? 1 : 0) : (double) (Long) number;
    }

    /** An integer that is an index, a count or a width; those beyond 64 bits are cut to them. */
    public static long index(Object value) {
        if (!isInteger(value)) {
            throw TemplateException.type(
                    "'%s' object cannot be interpreted as an integer".formatted(Types.name(value)));
        }
        if (value instanceof BigInteger big) {
            return big.signum() < 0 ? Long.MIN_VALUE : Long.MAX_VALUE;
        }
        return value instanceof Boolean bool ? (bool ? 1 : 0) : (Long) value;
    }

    /** Like {@link #index}, cut to 32 bits. */
    public static int small(Object value) {
        return (int) Math.max(Integer.MIN_VALUE, Math.min(Integer.MAX_VALUE, index(value)));
    }

    public static String integerText(Object integer) {
        if (integer instanceof BigInteger big) {
            String text = big.toString();
            if (text.length() - (big.signum() < 0 ? 1 : 0) > MAX_DIGITS) {
                throw TemplateException.value(
                        "Exceeds the limit (4300 digits) for integer string conversion; use sys.set_int_max_str_digits() to increase the limit");
            }
            return text;
        }
        return integer.toString();
    }

    /** Python's {@code repr} of a float: the fewest digits that give it back. */
    public static String realText(double value) {
        if (Double.isNaN(value)) {
            return "nan";
        }
        if (Double.isInfinite(value)) {
            return value > 0 ? "inf" : "-inf";
        }
        if (value == Math.rint(value) && Math.abs(value) < 1e15) {
            return (value == 0 && 1 / value < 0 ? "-0" : Long.toString((long) value)) + ".0";
        }
        BigDecimal shortest = shortest(value);
        int exponent = shortest.precision() - shortest.scale() - 1;
        String digits = shortest.unscaledValue().abs().toString();
        String sign = value < 0 ? "-" : "";
        if (exponent >= -4 && exponent < 16) {
            String plain = shortest.abs().toPlainString();
            return sign + (plain.contains(".") ? plain : plain + ".0");
        }
        return sign + scientific(digits, exponent);
    }

    private static String scientific(String digits, int exponent) {
        String mantissa =
                digits.length() == 1 ? digits : digits.charAt(0) + "." + digits.substring(1);
        return "%se%s%02d".formatted(mantissa, exponent < 0 ? "-" : "+", Math.abs(exponent));
    }

    private static BigDecimal shortest(double value) {
        BigDecimal exact = new BigDecimal(value);
        for (int digits = 1; digits < 17; digits++) {
            BigDecimal rounded = exact.round(new MathContext(digits, RoundingMode.HALF_EVEN));
            if (rounded.doubleValue() == value) {
                return rounded.stripTrailingZeros();
            }
        }
        return exact.round(new MathContext(17, RoundingMode.HALF_EVEN)).stripTrailingZeros();
    }

    /** The integer part of a float. */
    public static Object truncated(double value) {
        requireFinite(value, "integer");
        return of(new BigDecimal(value).toBigInteger());
    }

    public static void requireFinite(double value, String what) {
        if (Double.isNaN(value)) {
            throw TemplateException.value("cannot convert float NaN to " + what);
        }
        if (Double.isInfinite(value)) {
            throw TemplateException.overflow("cannot convert float infinity to " + what);
        }
    }
}
