// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.builtin;

import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.operate.Casing;
import io.kvlink.djl.jinja.operate.JsonWriter;
import io.kvlink.djl.jinja.operate.Padding;
import io.kvlink.djl.jinja.operate.PercentFormat;
import io.kvlink.djl.jinja.operate.Subscript;
import io.kvlink.djl.jinja.operate.TextMethods;
import io.kvlink.djl.jinja.value.Arguments;
import io.kvlink.djl.jinja.value.Markup;
import io.kvlink.djl.jinja.value.None;
import io.kvlink.djl.jinja.value.Numbers;
import io.kvlink.djl.jinja.value.PyDict;
import io.kvlink.djl.jinja.value.PyTuple;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Repr;
import io.kvlink.djl.jinja.value.Text;
import io.kvlink.djl.jinja.value.Truth;
import io.kvlink.djl.jinja.value.Undefined;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Filters that change a text. */
final class TextFilters {

    private static final long DEFAULT_CENTER = 80;

    private TextFilters() {}

    static void addTo(Map<String, Filter> all) {
        put(all, "string", "", (r, value, a) -> soft(r, value));
        changing(all, "upper", Casing::upper);
        changing(all, "lower", Casing::lower);
        changing(all, "capitalize", Casing::capitalized);
        put(all, "title", "", (r, value, a) -> title(r, Repr.str(r, value)));
        put(all, "trim", "chars?", TextFilters::trim);
        put(all, "replace", "old new count?", TextFilters::replace);
        put(
                all,
                "center",
                "width?",
                (r, value, a) ->
                        Padding.padded(
                                r, soft(r, value), a[0] == null ? DEFAULT_CENTER : a[0], null, 0));
        put(all, "wordcount", "", (r, value, a) -> words(r, Repr.str(r, value)));
        put(all, "default", "default_value? boolean?", TextFilters::orDefault);
        put(all, "tojson", "ensure_ascii? indent? separators? sort_keys?", JsonWriter::filter);
        all.put("format", TextFilters::format);
    }

    private static void put(
            Map<String, Filter> all, String name, String parameters, Filter.Body body) {
        all.put(name, Filter.of(name, parameters, body));
    }

    private static void changing(Map<String, Filter> all, String name, UnaryOperator<String> to) {
        put(
                all,
                name,
                "",
                (rendering, value, given) -> {
                    Object text = soft(rendering, value);
                    rendering.scan(Text.of(text).length());
                    return Subscript.like(text, to.apply(Text.of(text)));
                });
    }

    /** The text of a value; markup stays such. */
    static Object soft(Rendering rendering, Object value) {
        return Text.is(value) ? value : Repr.str(rendering, value);
    }

    private static Object trim(Rendering rendering, Object value, Object[] given) {
        Object text = soft(rendering, value);
        rendering.scan(Text.of(text).length());
        return Subscript.like(text, TextMethods.strip(Text.of(text), given[0], true, true));
    }

    private static Object replace(Rendering rendering, Object value, Object[] given) {
        long count = given[2] == null || given[2] == None.NONE ? -1 : Numbers.index(given[2]);
        Object text = value;
        if (rendering.autoescape()) {
            boolean escape =
                    given[0] instanceof Markup
                            || (given[1] instanceof Markup && !(value instanceof Markup));
            text = escape ? Markup.escape(rendering, value) : soft(rendering, value);
        } else {
            text = Repr.str(rendering, value);
        }
        String replacement =
                text instanceof Markup
                        ? Markup.escape(rendering, soft(rendering, given[1])).text()
                        : Repr.str(rendering, given[1]);
        return Subscript.like(
                text,
                TextMethods.replaced(
                        rendering,
                        Text.of(text),
                        Repr.str(rendering, given[0]),
                        replacement,
                        count));
    }

    /** Each run between separators gets an upper first letter; other than {@code str.title}. */
    private static String title(Rendering rendering, String text) {
        rendering.scan(text.length());
        StringBuilder out = new StringBuilder(text.length());
        int start = 0;
        for (int i = 1; i <= text.length(); i++) {
            boolean ends =
                    i == text.length()
                            || isTitleSeparator(text.charAt(i))
                                    != isTitleSeparator(text.charAt(i - 1));
            if (ends) {
                int first = text.offsetByCodePoints(start, 1);
                out.append(Casing.upper(text.substring(start, first)));
                out.append(Casing.lower(text.substring(first, i)));
                start = i;
            }
        }
        return out.toString();
    }

    private static boolean isTitleSeparator(char c) {
        return "-({[<".indexOf(c) >= 0 || Text.isSpace(c);
    }

    private static Object words(Rendering rendering, String text) {
        rendering.scan(text.length());
        long words = 0;
        boolean inWord = false;
        for (int c : text.codePoints().toArray()) {
            boolean word = Text.isWord(c);
            words += word && !inWord ? 1 : 0;
            inWord = word;
        }
        return words;
    }

    private static Object orDefault(Rendering rendering, Object value, @Nullable Object[] given) {
        boolean falsy = given[1] != null && Truth.of(given[1]) && !Truth.of(value);
        if (value instanceof Undefined || falsy) {
            return given[0] == null ? "" : given[0];
        }
        return value;
    }

    private static Object format(Rendering rendering, Object value, Arguments arguments) {
        if (!arguments.positional().isEmpty() && !arguments.named().isEmpty()) {
            throw TemplateException.runtime(
                    "can't handle positional and keyword arguments at the same time");
        }
        Object values = new PyTuple(arguments.positional());
        if (!arguments.named().isEmpty()) {
            PyDict named = new PyDict();
            arguments.named().forEach(named::put);
            values = named;
        }
        return PercentFormat.format(rendering, soft(rendering, value), values);
    }
}
