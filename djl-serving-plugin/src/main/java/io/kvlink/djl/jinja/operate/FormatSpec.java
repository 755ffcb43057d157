// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.operate;

import io.kvlink.djl.jinja.error.Limits;
import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.value.Numbers;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Repr;
import io.kvlink.djl.jinja.value.Text;
import io.kvlink.djl.jinja.value.TextBuffer;
import io.kvlink.djl.jinja.value.Types;
import java.math.BigInteger;
import java.util.Locale;

/**
 * Python's language of format specifications, as in {@code {:>8.2f}}.
 *
 * @param fill what pads
 * @param align where to, 0 for the type's own way
 * @param sign {@code +}, {@code -} or a space
 * @param noNegativeZero whether {@code z} was given: a rounded zero has no sign
 * @param alternate whether {@code #} was given
 * @param width the least width
 * @param grouping {@code ,} or {@code _}, 0 for none
 * @param precision -1 for none
 * @param type 0 for none
 */
public record FormatSpec(
        String fill,
        char align,
        char sign,
        boolean noNegativeZero,
        boolean alternate,
        long width,
        char grouping,
        long precision,
        char type) {

    public static String format(Rendering rendering, Object value, String spec) {
        boolean plainNumber = Numbers.is(value) && !(value instanceof Boolean && spec.isEmpty());
        if (spec.isEmpty() && !plainNumber) {
            return Repr.str(rendering, value);
        }
        if (!Numbers.is(value) && !Text.is(value)) {
            throw TemplateException.type(
                    "unsupported format string passed to %s.__format__"
                            .formatted(Types.name(value)));
        }
        return new Parser(spec, Types.name(value)).parse().format(rendering, value);
    }

    private String format(Rendering rendering, Object value) {
        if (Text.is(value)) {
            return text(rendering, Text.of(value));
        }
        boolean real = value instanceof Double || (type != 0 && "eEfFgG%".indexOf(type) >= 0);
        return real ? real(rendering, Numbers.real(value)) : integer(rendering, value);
    }

    private String text(Rendering rendering, String text) {
        if (type != 0 && type != 's') {
            throw unknownCode("str");
        }
        if (sign != '-' || noNegativeZero || alternate || align == '=' || grouping != 0) {
            throw TemplateException.value(
                    "Sign, '=' or ',' not allowed in string format specifier");
        }
        String cut = text;
        if (precision >= 0 && precision < Text.length(text)) {
            cut = Text.slice(text, 0, (int) precision);
        }
        return padded(rendering, "", cut, '<');
    }

    private TemplateException unknownCode(String typeName) {
        return TemplateException.value(
                "Unknown format code '%c' for object of type '%s'".formatted(type, typeName));
    }

    private String integer(Rendering rendering, Object value) {
        if (noNegativeZero) {
            throw TemplateException.value(
                    "Negative zero coercion (z) not allowed in integer format specifier");
        }
        if (precision >= 0) {
            throw TemplateException.value("Precision not allowed in integer format specifier");
        }
        BigInteger number = Numbers.big(value);
        BigInteger size = number.abs();
        String digits;
        switch (type) {
            case 0, 'd', 'n' -> digits = Numbers.integerText(Numbers.of(size));
            case 'b' -> digits = size.toString(2);
            case 'o' -> digits = size.toString(8);
            case 'x' -> digits = size.toString(16);
            case 'X' -> digits = size.toString(16).toUpperCase(Locale.ROOT);
            case 'c' -> {
                return padded(rendering, "", character(number), '<');
            }
            default -> throw unknownCode(Types.name(value));
        }
        String prefix = alternate && "boxX".indexOf(type) >= 0 && type != 0 ? "0" + type : "";
        int group = "boxX".indexOf(type) >= 0 && type != 0 ? 4 : 3;
        return number(rendering, signOf(number.signum() < 0) + prefix, digits, "", group);
    }

    private static String character(BigInteger number) {
        if (number.signum() < 0 || number.bitLength() > 21 || number.intValue() > 0x10ffff) {
            throw TemplateException.overflow("%c arg not in range(0x110000)");
        }
        return Character.toString(number.intValue());
    }

    private String signOf(boolean negative) {
        return negative ? "-" : sign == '-' ? "" : String.valueOf(sign);
    }

    private String real(Rendering rendering, double value) {
        boolean negative = value < 0 || (value == 0 && 1 / value < 0);
        double size = Math.abs(value);
        String text;
        if (Double.isNaN(value) || Double.isInfinite(value)) {
            text = Double.isNaN(value) ? "nan" : "inf";
            text = type == '%' ? text + "%" : text;
        } else {
            text = digits(size);
        }
        if (noNegativeZero && text.chars().noneMatch(c -> c >= '1' && c <= '9')) {
            negative = false;
        }
        boolean upper = type == 'E' || type == 'F' || type == 'G';
        text = upper ? text.toUpperCase(Locale.ROOT) : text;
        int end = 0;
        while (end < text.length() && Character.isDigit(text.charAt(end))) {
            end++;
        }
        return number(rendering, signOf(negative), text.substring(0, end), text.substring(end), 3);
    }

    private String digits(double size) {
        int digits = FloatFormat.requirePrecision(precision < 0 ? 6 : precision);
        return switch (type) {
            case 'e', 'E' -> alternate(FloatFormat.scientific(size, digits));
            case 'f', 'F' -> alternate(FloatFormat.fixed(size, digits));
            case '%' -> alternate(FloatFormat.fixed(size * 100, digits)) + "%";
            case 'g', 'G', 'n' -> alternate(FloatFormat.general(size, digits, alternate, false));
            case 0 ->
                    precision < 0
                            ? Numbers.realText(size)
                            : FloatFormat.general(size, digits, alternate, true);
            default -> throw unknownCode("float");
        };
    }

    private String alternate(String text) {
        if (!alternate || text.indexOf('.') >= 0) {
            return text;
        }
        int mark = text.indexOf('e');
        return mark < 0 ? text + "." : text.substring(0, mark) + "." + text.substring(mark);
    }

    private String number(
            Rendering rendering, String prefix, String whole, String rest, int group) {
        String grouped = grouping == 0 ? whole : grouped(whole, group);
        if (align == '=' && fill.equals("0") && grouping != 0) {
            rendering.requireRoom(width * 2);
            while (prefix.length() + grouped(whole, group).length() + rest.length() < width
                    && width < Limits.TEXT_CHARS) {
                whole = "0".repeat(missing(prefix, whole, rest, group)) + whole;
            }
            grouped = grouped(whole, group);
        }
        return padded(rendering, prefix, grouped + rest, '>');
    }

    private int missing(String prefix, String whole, String rest, int group) {
        long lacks = width - prefix.length() - rest.length() - grouped(whole, group).length();
        return (int) Math.max(1, lacks * group / (group + 1) - 1);
    }

    private String grouped(String digits, int group) {
        StringBuilder out = new StringBuilder(digits.length() * 4 / 3 + 1);
        for (int i = 0; i < digits.length(); i++) {
            if (i > 0 && (digits.length() - i) % group == 0) {
                out.append(grouping);
            }
            out.append(digits.charAt(i));
        }
        return out.toString();
    }

    private String padded(Rendering rendering, String prefix, String text, char usual) {
        long missing = Math.max(0, width - Text.length(text) - prefix.length());
        char side = align == 0 ? usual : align;
        TextBuffer out = new TextBuffer(rendering);
        TextBuffer filled =
                switch (side) {
                    case '<' -> out.append(prefix).append(text).repeat(fill, missing);
                    case '^' ->
                            out.repeat(fill, missing / 2)
                                    .append(prefix)
                                    .append(text)
                                    .repeat(fill, missing - missing / 2);
                    case '=' -> out.append(prefix).repeat(fill, missing).append(text);
                    default -> out.repeat(fill, missing).append(prefix).append(text);
                };
        return filled.toString();
    }

    /** Reads a specification. */
    private static final class Parser {

        private final int[] spec;
        private final String whole;
        private final String typeName;
        private int at;

        Parser(String spec, String typeName) {
            this.spec = spec.codePoints().toArray();
            this.whole = spec;
            this.typeName = typeName;
        }

        FormatSpec parse() {
            String fill = " ";
            char align = 0;
            if (spec.length > 1 && isAlign(spec[1])) {
                fill = Character.toString(spec[0]);
                align = (char) spec[1];
                at = 2;
            } else if (spec.length > 0 && isAlign(spec[0])) {
                align = (char) spec[at++];
            }
            boolean filled = at == 2;
            char sign = peek() == '+' || peek() == ' ' || peek() == '-' ? (char) spec[at++] : '-';
            boolean noNegativeZero = take('z');
            boolean alternate = take('#');
            if (!filled && peek() == '0') {
                at++;
                fill = "0";
                align = align == 0 && !typeName.equals("str") ? '=' : align;
            }
            long width = Math.max(0, number());
            char grouping = peek() == ',' || peek() == '_' ? (char) spec[at++] : 0;
            long precision = -1;
            if (take('.')) {
                precision = number();
                if (precision < 0) {
                    throw TemplateException.value("Format specifier missing precision");
                }
            }
            char type = at < spec.length ? (char) spec[at++] : 0;
            if (at < spec.length) {
                throw TemplateException.value(
                        "Invalid format specifier '%s' for object of type '%s'"
                                .formatted(whole, typeName));
            }
            requireGrouping(grouping, type);
            return new FormatSpec(
                    fill, align, sign, noNegativeZero, alternate, width, grouping, precision, type);
        }

        private static void requireGrouping(char grouping, char type) {
            boolean fits = type == 0 || "deEfFgG%".indexOf(type) >= 0;
            if (grouping != 0 && !fits && !(grouping == '_' && "boxX".indexOf(type) >= 0)) {
                throw TemplateException.value(
                        "Cannot specify '%c' with '%c'.".formatted(grouping, type));
            }
        }

        private static boolean isAlign(int c) {
            return c == '<' || c == '>' || c == '=' || c == '^';
        }

        private int peek() {
            return at < spec.length ? spec[at] : -1;
        }

        private boolean take(char c) {
            if (peek() != c) {
                return false;
            }
            at++;
            return true;
        }

        private long number() {
            long value = -1;
            while (peek() >= '0' && peek() <= '9') {
                value = Math.max(0, value) * 10 + (spec[at++] - '0');
                if (value > Integer.MAX_VALUE) {
                    throw TemplateException.value("Too many decimal digits in format string");
                }
            }
            return value;
        }
    }
}
