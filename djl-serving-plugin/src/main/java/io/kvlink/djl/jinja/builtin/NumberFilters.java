// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.builtin;

import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.error.TemplateException.Kind;
import io.kvlink.djl.jinja.operate.Arithmetic;
import io.kvlink.djl.jinja.operate.FormatSpec;
import io.kvlink.djl.jinja.value.None;
import io.kvlink.djl.jinja.value.NumberText;
import io.kvlink.djl.jinja.value.Numbers;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Repr;
import io.kvlink.djl.jinja.value.Text;
import io.kvlink.djl.jinja.value.Truth;
import io.kvlink.djl.jinja.value.Types;
import io.kvlink.djl.jinja.value.Undefined;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Filters for numbers. */
final class NumberFilters {

    private static final String[] DECIMAL = {"kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"};
    private static final String[] BINARY = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"};
    private static final int MAX_SCALE = 400;

    private NumberFilters() {}

    static void addTo(Map<String, Filter> all) {
        put(all, "abs", "", (r, value, a) -> absolute(value));
        put(all, "int", "default? base?", NumberFilters::toInteger);
        put(all, "float", "default?", NumberFilters::toReal);
        put(all, "round", "precision? method?", NumberFilters::round);
        put(all, "filesizeformat", "binary?", NumberFilters::fileSize);
    }

    private static void put(
            Map<String, Filter> all, String name, String parameters, Filter.Body body) {
        all.put(name, Filter.of(name, parameters, body));
    }

    private static Object absolute(Object value) {
        if (value instanceof Double number) {
            return Math.abs(number);
        }
        if (!Numbers.is(value)) {
            throw TemplateException.type("bad operand type for abs(): '" + Types.name(value) + "'");
        }
        return Numbers.of(Numbers.big(value).abs());
    }

    private static Object toInteger(Rendering rendering, Object value, @Nullable Object[] given) {
        Object otherwise = given[0] == null ? 0L : given[0];
        if (value instanceof Undefined undefined) {
            throw undefined.error();
        }
        if (Numbers.isInteger(value)) {
            return Arithmetic.positive(value);
        }
        if (value instanceof Double number) {
            return Double.isNaN(number) ? otherwise : Numbers.truncated(number);
        }
        if (!Text.is(value)) {
            return otherwise;
        }
        rendering.scan(Text.of(value).length());
        int base = given[1] == null ? 10 : Numbers.small(given[1]);
        Object integer = NumberText.integer(Text.of(value), base);
        if (integer != null) {
            return integer;
        }
        Double number = NumberText.real(Text.of(value));
        return number == null || number.isNaN() || number.isInfinite()
                ? otherwise
                : Numbers.truncated(number);
    }

    private static Object toReal(Rendering rendering, Object value, @Nullable Object[] given) {
        Object otherwise = given[0] == null ? 0.0 : given[0];
        if (value instanceof Undefined undefined) {
            throw undefined.error();
        }
        if (Numbers.is(value)) {
            return Numbers.real(value);
        }
        if (!Text.is(value)) {
            return otherwise;
        }
        rendering.scan(Text.of(value).length());
        Double number = NumberText.real(Text.of(value));
        return number == null ? otherwise : number;
    }

    private static Object round(Rendering rendering, Object value, @Nullable Object[] given) {
        Object precision = given[0] == null ? (Object) 0L : given[0];
        String method = given[1] == null ? "common" : Repr.str(rendering, given[1]);
        if (!method.equals("common") && !method.equals("ceil") && !method.equals("floor")) {
            throw TemplateException.runtime("method must be common, ceil or floor");
        }
        if (!Numbers.is(value)) {
            throw value instanceof Undefined undefined && !method.equals("common")
                    ? undefined.error()
                    : TemplateException.type(
                            "type %s doesn't define __round__ method".formatted(Types.name(value)));
        }
        return method.equals("common")
                ? nearest(value, precision)
                : directed(rendering, value, precision, method.equals("ceil"));
    }

    private static Object nearest(Object value, Object precision) {
        boolean whole = precision == None.NONE;
        long digits = whole ? 0 : Numbers.index(precision);
        if (value instanceof Double number) {
            if (whole) {
                Numbers.requireFinite(number, "integer");
                return Numbers.of(rounded(number, 0).toBigInteger());
            }
            if (number.isNaN() || number.isInfinite() || digits > MAX_SCALE) {
                return number;
            }
            if (digits < -MAX_SCALE) {
                return Math.copySign(0.0, number);
            }
            double result = rounded(number, (int) digits).doubleValue();
            return Math.copySign(result, number);
        }
        if (digits >= 0) {
            return Arithmetic.positive(value);
        }
        BigInteger integer = Numbers.big(value);
        if (-digits > integer.bitLength() + 1L) {
            return 0L;
        }
        return Numbers.of(
                new BigDecimal(integer)
                        .setScale((int) digits, RoundingMode.HALF_EVEN)
                        .toBigInteger());
    }

    private static BigDecimal rounded(double number, int digits) {
        return new BigDecimal(number).setScale(digits, RoundingMode.HALF_EVEN);
    }

    private static Object directed(
            Rendering rendering, Object value, Object precision, boolean up) {
        Object power = Arithmetic.binary(rendering, "**", 10L, precision);
        Object scaled = Arithmetic.binary(rendering, "*", value, power);
        Object whole = scaled;
        if (scaled instanceof Double number) {
            whole = Numbers.truncated(up ? Math.ceil(number) : Math.floor(number));
        }
        return Arithmetic.binary(rendering, "/", whole, power);
    }

    private static Object fileSize(Rendering rendering, Object value, @Nullable Object[] given) {
        boolean binary = given[0] != null && Truth.of(given[0]);
        double bytes = bytes(value);
        double base = binary ? 1024 : 1000;
        if (bytes == 1) {
            return "1 Byte";
        }
        if (bytes < base) {
            return Numbers.integerText(Numbers.truncated(bytes)) + " Bytes";
        }
        String[] prefixes = binary ? BINARY : DECIMAL;
        double unit = base;
        for (int i = 0; ; i++) {
            unit *= base;
            if (bytes < unit || i == prefixes.length - 1) {
                return FormatSpec.format(rendering, base * bytes / unit, ".1f") + " " + prefixes[i];
            }
        }
    }

    private static double bytes(Object value) {
        if (value instanceof Undefined undefined) {
            throw undefined.error();
        }
        if (Numbers.is(value)) {
            return Numbers.real(value);
        }
        if (!Text.is(value)) {
            throw TemplateException.type(
                    "float() argument must be a string or a real number, not '%s'"
                            .formatted(Types.name(value)));
        }
        Double number = NumberText.real(Text.of(value));
        if (number == null) {
            throw TemplateException.of(
                    Kind.VALUE,
                    "could not convert string to float: " + Repr.quoted(Text.of(value)));
        }
        return number;
    }
}
