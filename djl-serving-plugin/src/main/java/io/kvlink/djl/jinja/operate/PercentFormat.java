// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.operate;

import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.error.TemplateException.Kind;
import io.kvlink.djl.jinja.value.Markup;
import io.kvlink.djl.jinja.value.Numbers;
import io.kvlink.djl.jinja.value.PyBytes;
import io.kvlink.djl.jinja.value.PyDict;
import io.kvlink.djl.jinja.value.PyList;
import io.kvlink.djl.jinja.value.PyRange;
import io.kvlink.djl.jinja.value.PyTuple;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Repr;
import io.kvlink.djl.jinja.value.Text;
import io.kvlink.djl.jinja.value.TextBuffer;
import io.kvlink.djl.jinja.value.Types;
import io.kvlink.djl.jinja.value.Undefined;
import java.math.BigInteger;
import java.util.List;
import java.util.Locale;

/** Python's {@code text % values}. For one call. */
public final class PercentFormat {

    private final Rendering rendering;
    private final String format;
    private final boolean markup;
    private final Object values;
    private final List<Object> places;
    private final TextBuffer out;
    private int at;
    private int used;

    private PercentFormat(Rendering rendering, Object format, Object values) {
        this.rendering = rendering;
        this.format = Text.of(format);
        this.markup = format instanceof Markup;
        this.values = values;
        this.places = values instanceof PyTuple tuple ? tuple.items() : List.of(values);
        this.out = new TextBuffer(rendering);
    }

    public static Object format(Rendering rendering, Object format, Object values) {
        return Subscript.like(format, new PercentFormat(rendering, format, values).run());
    }

    private String run() {
        while (at < format.length()) {
            int mark = format.indexOf('%', at);
            if (mark < 0) {
                out.append(format.substring(at));
                break;
            }
            out.append(format.substring(at, mark));
            at = mark + 1;
            conversion();
        }
        boolean mapping = !Text.is(values) && !(values instanceof PyTuple) && isMapping(values);
        if (used < places.size() && !mapping) {
            throw TemplateException.type("not all arguments converted during string formatting");
        }
        return out.toString();
    }

    private static boolean isMapping(Object value) {
        return value instanceof PyDict
                || value instanceof PyList
                || value instanceof PyRange
                || value instanceof PyBytes
                || value instanceof Undefined;
    }

    private char next() {
        if (at >= format.length()) {
            throw TemplateException.value("incomplete format");
        }
        return format.charAt(at++);
    }

    private void conversion() {
        Object named = peek() == '(' ? named() : null;
        String flags = "";
        while (peek() != 0 && "-+ #0".indexOf(peek()) >= 0) {
            flags += next();
        }
        long width = count();
        if (width < 0) {
            flags += "-";
            width = -width;
        }
        long precision = -1;
        if (peek() == '.') {
            at++;
            precision = Math.max(0, count());
        }
        while (peek() != 0 && "hlL".indexOf(peek()) >= 0) {
            at++;
        }
        char type = next();
        if (type == '%') {
            out.append('%');
            return;
        }
        if ("diuoxXeEfFgGcrsa".indexOf(type) < 0) {
            throw TemplateException.value(
                    "unsupported format character '%c' (0x%x) at index %d"
                            .formatted(type, (int) type, at - 1));
        }
        write(type, flags, width, precision, named != null ? named : argument());
    }

    private char peek() {
        return at < format.length() ? format.charAt(at) : 0;
    }

    private Object named() {
        if (!isMapping(values)) {
            throw TemplateException.type("format requires a mapping");
        }
        int start = ++at;
        for (int open = 1; open > 0; ) {
            if (at >= format.length()) {
                throw TemplateException.value("incomplete format key");
            }
            char c = next();
            open += c == '(' ? 1 : c == ')' ? -1 : 0;
        }
        String name = format.substring(start, at - 1);
        Object found = Subscript.find(rendering, values, name);
        if (found == null) {
            throw TemplateException.of(Kind.KEY, Repr.quoted(name));
        }
        used = places.size();
        return found;
    }

    private Object argument() {
        if (used >= places.size()) {
            throw TemplateException.type("not enough arguments for format string");
        }
        return places.get(used++);
    }

    private long count() {
        if (peek() == '*') {
            at++;
            Object given = argument();
            if (!Numbers.isInteger(given)) {
                throw TemplateException.type("* wants int");
            }
            return Numbers.small(given);
        }
        long value = 0;
        while (peek() >= '0' && peek() <= '9') {
            value = value * 10 + (next() - '0');
            if (value > Integer.MAX_VALUE) {
                throw TemplateException.value("width too big");
            }
        }
        return value;
    }

    private void write(char type, String flags, long width, long precision, Object value) {
        switch (type) {
            case 's' -> pad("", cut(shown(value, false), precision), flags, width, false);
            case 'r' -> pad("", cut(shown(value, true), precision), flags, width, false);
            case 'a' ->
                    pad(
                            "",
                            cut(ascii(Repr.shown(rendering, value)), precision),
                            flags,
                            width,
                            false);
            case 'c' -> pad("", character(value), flags, width, false);
            case 'd', 'i', 'u', 'o', 'x', 'X' -> integer(type, flags, width, precision, value);
            default -> real(type, flags, width, precision, value);
        }
    }

    private String shown(Object value, boolean repr) {
        if (!markup) {
            return repr ? Repr.shown(rendering, value) : Repr.str(rendering, value);
        }
        return repr
                ? Markup.escape(rendering, Repr.shown(rendering, value)).text()
                : Markup.escape(rendering, value).text();
    }

    private static String cut(String text, long precision) {
        return precision >= 0 && precision < Text.length(text)
                ? Text.slice(text, 0, (int) precision)
                : text;
    }

    /** Python's {@code ascii}: other characters as escapes. */
    static String ascii(String shown) {
        StringBuilder text = new StringBuilder();
        shown.codePoints()
                .forEach(
                        c -> {
                            if (c < 0x80) {
                                text.append((char) c);
                            } else {
                                String form =
                                        c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x";
                                text.append(form.formatted(c));
                            }
                        });
        return text.toString();
    }

    private static String character(Object value) {
        if (Numbers.isInteger(value)) {
            long point = Numbers.index(value);
            if (point < 0 || point > Character.MAX_CODE_POINT) {
                throw TemplateException.overflow("%c arg not in range(0x110000)");
            }
            return Character.toString((int) point);
        }
        if (!Text.is(value) || Text.length(Text.of(value)) != 1) {
            throw TemplateException.type("%c requires int or char");
        }
        return Text.of(value);
    }

    private void integer(char type, String flags, long width, long precision, Object value) {
        if (value instanceof Undefined undefined) {
            throw undefined.error();
        }
        boolean decimal = type == 'd' || type == 'i' || type == 'u';
        if (!Numbers.is(value) || (value instanceof Double && !decimal)) {
            throw TemplateException.type(
                    "%%%c format: %s is required, not %s"
                            .formatted(
                                    type,
                                    decimal ? "a real number" : "an integer",
                                    Types.name(value)));
        }
        Object whole = value instanceof Double real ? Numbers.truncated(real) : value;
        BigInteger number = Numbers.big(whole);
        String digits =
                switch (type) {
                    case 'o' -> number.abs().toString(8);
                    case 'x' -> number.abs().toString(16);
                    case 'X' -> number.abs().toString(16).toUpperCase(Locale.ROOT);
                    default -> Numbers.integerText(Numbers.of(number.abs()));
                };
        digits =
                new TextBuffer(rendering)
                        .repeat("0", precision - digits.length())
                        .append(digits)
                        .toString();
        String prefix = flags.contains("#") && !decimal ? "0" + type : "";
        pad(sign(number.signum() < 0, flags) + prefix, digits, flags, width, true);
    }

    private static String sign(boolean negative, String flags) {
        return negative ? "-" : flags.contains("+") ? "+" : flags.contains(" ") ? " " : "";
    }

    private void real(char type, String flags, long width, long precision, Object value) {
        if (value instanceof Undefined undefined) {
            throw undefined.error();
        }
        if (!Numbers.is(value)) {
            throw TemplateException.type("must be real number, not " + Types.name(value));
        }
        double number = Numbers.real(value);
        String spec =
                "%s.%d%c"
                        .formatted(
                                flags.contains("#") ? "#" : "",
                                precision < 0 ? 6 : precision,
                                type);
        boolean negative = number < 0 || (number == 0 && 1 / number < 0);
        String digits = FormatSpec.format(rendering, Math.abs(number), spec);
        boolean finite = !Double.isNaN(number) && !Double.isInfinite(number);
        pad(sign(negative, flags), digits, finite ? flags : flags.replace("0", ""), width, true);
    }

    private void pad(String prefix, String text, String flags, long width, boolean number) {
        long missing = width - prefix.length() - Text.length(text);
        if (flags.contains("-")) {
            out.append(prefix).append(text).repeat(" ", missing);
        } else if (number && flags.contains("0")) {
            out.append(prefix).repeat("0", missing).append(text);
        } else {
            out.repeat(" ", missing).append(prefix).append(text);
        }
    }
}
