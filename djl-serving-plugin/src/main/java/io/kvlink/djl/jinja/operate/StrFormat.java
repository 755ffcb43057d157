// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.operate;

import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.error.TemplateException.Kind;
import io.kvlink.djl.jinja.value.Arguments;
import io.kvlink.djl.jinja.value.Callable;
import io.kvlink.djl.jinja.value.Markup;
import io.kvlink.djl.jinja.value.PyDict;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Repr;
import io.kvlink.djl.jinja.value.Text;
import io.kvlink.djl.jinja.value.TextBuffer;
import io.kvlink.djl.jinja.value.Types;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Python's {@code str.format} and {@code str.format_map}, within Jinja2's sandbox. */
final class StrFormat implements Callable {

    static final Set<String> NAMES = Set.of("format", "format_map");

    private static final int MAX_DEPTH = 2;

    private final Object self;
    private final String name;

    StrFormat(Object self, String name) {
        this.self = self;
        this.name = name;
    }

    @Override
    public Object call(Rendering rendering, Arguments arguments) {
        PyDict named = new PyDict();
        if (name.equals("format_map")) {
            if (arguments.positional().size() != 1 || !arguments.named().isEmpty()) {
                throw TemplateException.type("format_map() takes exactly one argument");
            }
            Object given = arguments.positional().get(0);
            if (!(given instanceof PyDict dict)) {
                throw TemplateException.type(
                        "'%s' object is not subscriptable".formatted(Types.name(given)));
            }
            return Subscript.like(
                    self, new Run(rendering, Arguments.NONE, dict).all(Text.of(self)));
        }
        for (Map.Entry<String, Object> entry : arguments.named().entrySet()) {
            named.put(entry.getKey(), entry.getValue());
        }
        return Subscript.like(self, new Run(rendering, arguments, named).all(Text.of(self)));
    }

    @Override
    public String typeName() {
        return "builtin_function_or_method";
    }

    /** One formatting. */
    private final class Run {

        private final Rendering rendering;
        private final Arguments arguments;
        private final PyDict named;
        // The next place of fields without one; -1 once a field gave its place.
        private int automatic;
        private boolean numbered;

        Run(Rendering rendering, Arguments arguments, PyDict named) {
            this.rendering = rendering;
            this.arguments = arguments;
            this.named = named;
        }

        String all(String format) {
            return format(format, MAX_DEPTH);
        }

        private String format(String format, int depth) {
            if (depth < 0) {
                throw TemplateException.value("Max string recursion exceeded");
            }
            TextBuffer out = new TextBuffer(rendering);
            int at = 0;
            while (at < format.length()) {
                char c = format.charAt(at++);
                boolean twofold = at < format.length() && format.charAt(at) == c;
                if (c != '{' && c != '}') {
                    out.append(c);
                } else if (twofold) {
                    out.append(c);
                    at++;
                } else if (c == '}' || at == format.length()) {
                    throw TemplateException.value(
                            "Single '%c' encountered in format string".formatted(c));
                } else {
                    int end = endOfField(format, at);
                    out.append(field(format.substring(at, end), depth));
                    at = end + 1;
                }
            }
            return out.toString();
        }

        private int endOfField(String format, int start) {
            int open = 1;
            for (int i = start; i < format.length(); i++) {
                char c = format.charAt(i);
                open += c == '{' ? 1 : c == '}' ? -1 : 0;
                if (open == 0) {
                    return i;
                }
            }
            throw TemplateException.value("expected '}' before end of string");
        }

        private String field(String field, int depth) {
            int end = 0;
            boolean inBrackets = false;
            while (end < field.length()
                    && (inBrackets || (field.charAt(end) != '!' && field.charAt(end) != ':'))) {
                inBrackets = field.charAt(end) == '[' || (inBrackets && field.charAt(end) != ']');
                end++;
            }
            Object value = value(field.substring(0, end));
            if (end < field.length() && field.charAt(end) == '!') {
                value = converted(value, field, end + 1);
                end += 2;
                if (end < field.length() && field.charAt(end) != ':') {
                    throw TemplateException.value("expected ':' after conversion specifier");
                }
            }
            String spec = end < field.length() ? format(field.substring(end + 1), depth - 1) : "";
            return formatted(value, spec);
        }

        private Object converted(Object value, String field, int at) {
            if (at >= field.length()) {
                throw TemplateException.value(
                        "end of string while looking for conversion specifier");
            }
            return switch (field.charAt(at)) {
                case 's' -> Repr.str(rendering, value);
                case 'r' -> Repr.shown(rendering, value);
                case 'a' -> PercentFormat.ascii(Repr.shown(rendering, value));
                default ->
                        throw TemplateException.value(
                                "Unknown conversion specifier " + field.charAt(at));
            };
        }

        private String formatted(Object value, String spec) {
            if (!(self instanceof Markup)) {
                return FormatSpec.format(rendering, value, spec);
            }
            if (value instanceof Markup markup) {
                if (!spec.isEmpty()) {
                    throw TemplateException.value(
                            "Format specifier %s given, but Markup does not define __html_format__."
                                    .formatted(spec));
                }
                return markup.text();
            }
            return Markup.escape(rendering, FormatSpec.format(rendering, value, spec)).text();
        }

        private Object value(String field) {
            int end = 0;
            while (end < field.length() && field.charAt(end) != '.' && field.charAt(end) != '[') {
                end++;
            }
            Object value = first(field.substring(0, end), field.isEmpty());
            while (end < field.length()) {
                if (field.charAt(end) == '.') {
                    int next = end + 1;
                    while (next < field.length() && ".[".indexOf(field.charAt(next)) < 0) {
                        next++;
                    }
                    value = Attributes.attribute(rendering, value, nonEmpty(field, end + 1, next));
                    end = next;
                } else {
                    int close = field.indexOf(']', end);
                    if (field.charAt(end) != '[' || close < 0) {
                        throw TemplateException.value("Missing ']' in format string");
                    }
                    String key = nonEmpty(field, end + 1, close);
                    Long place = place(key);
                    value = Attributes.element(rendering, value, place == null ? key : place);
                    end = close + 1;
                }
            }
            return value;
        }

        private String nonEmpty(String field, int start, int end) {
            if (start >= end) {
                throw TemplateException.value("Empty attribute in format string");
            }
            return field.substring(start, end);
        }

        private Object first(String name, boolean wholeFieldEmpty) {
            Long place = place(name);
            if (wholeFieldEmpty) {
                if (numbered) {
                    throw switching("manual field specification", "automatic field numbering");
                }
                return at(automatic++);
            }
            if (place == null) {
                Object value = named.get(name);
                if (value == null) {
                    throw TemplateException.of(Kind.KEY, Repr.quoted(name));
                }
                return value;
            }
            if (automatic > 0) {
                throw switching("automatic field numbering", "manual field specification");
            }
            numbered = true;
            return at(place);
        }

        private TemplateException switching(String from, String to) {
            return TemplateException.value("cannot switch from %s to %s".formatted(from, to));
        }

        private Object at(long place) {
            if (place >= arguments.positional().size()) {
                throw TemplateException.of(
                        Kind.INDEX,
                        "Replacement index %d out of range for positional args tuple"
                                .formatted(place));
            }
            return arguments.positional().get((int) place);
        }

        private @Nullable Long place(String text) {
            boolean digits =
                    !text.isEmpty()
                            && text.length() < 10
                            && text.chars().allMatch(c -> c >= '0' && c <= '9');
            return digits ? Long.valueOf(text) : null;
        }
    }
}
