// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.builtin;

import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.operate.Splitting;
import io.kvlink.djl.jinja.operate.Subscript;
import io.kvlink.djl.jinja.value.Iteration;
import io.kvlink.djl.jinja.value.None;
import io.kvlink.djl.jinja.value.Numbers;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Text;
import io.kvlink.djl.jinja.value.TextArguments;
import io.kvlink.djl.jinja.value.TextBuffer;
import io.kvlink.djl.jinja.value.Truth;
import io.kvlink.djl.jinja.value.Types;
import io.kvlink.djl.jinja.value.Undefined;
import java.util.List;
import java.util.Map;

/** Filters that lay a text out: in lines, within a width. */
final class LayoutFilters {

    private static final long DEFAULT_INDENT = 4;
    private static final long DEFAULT_TRUNCATE = 255;
    private static final long DEFAULT_LEEWAY = 5;

    private LayoutFilters() {}

    static void addTo(Map<String, Filter> all) {
        all.put("indent", Filter.of("indent", "width? first? blank?", LayoutFilters::indent));
        all.put(
                "truncate",
                Filter.of("truncate", "length? killwords? end? leeway?", LayoutFilters::truncate));
        all.put(
                "wordwrap",
                Filter.of(
                        "wordwrap",
                        "width? break_long_words? wrapstring? break_on_hyphens?",
                        WordWrap::filter));
    }

    private static boolean on(Object given) {
        return given != null && Truth.of(given);
    }

    private static Object indent(Rendering rendering, Object value, Object[] given) {
        if (value instanceof Undefined undefined) {
            throw undefined.error();
        }
        if (!Text.is(value)) {
            throw TemplateException.type(
                    "unsupported operand type(s) for +=: '%s' and 'str'"
                            .formatted(Types.name(value)));
        }
        String indention =
                given[0] != null && Text.is(given[0])
                        ? Text.of(given[0])
                        : new TextBuffer(rendering)
                                .repeat(
                                        " ",
                                        given[0] == null ? DEFAULT_INDENT : Numbers.index(given[0]))
                                .toString();
        rendering.scan(Text.of(value).length());
        List<String> lines = Splitting.lines(rendering, Text.of(value) + "\n", false);
        TextBuffer out = new TextBuffer(rendering);
        out.append(on(given[1]) ? indention : "");
        for (int i = 0; i < lines.size(); i++) {
            boolean indented = i > 0 && (on(given[2]) || !lines.get(i).isEmpty());
            out.append(i > 0 ? "\n" : "").append(indented ? indention : "").append(lines.get(i));
        }
        return Subscript.like(value, out.toString());
    }

    private static Object truncate(Rendering rendering, Object value, Object[] given) {
        long length = given[0] == null ? DEFAULT_TRUNCATE : Numbers.index(given[0]);
        String end = given[2] == null ? "..." : TextArguments.required("len", given[2]);
        boolean noLeeway = given[3] == null || given[3] == None.NONE;
        long leeway = noLeeway ? DEFAULT_LEEWAY : Numbers.index(given[3]);
        long endLength = Text.length(end);
        require(length >= endLength, "expected length >= %d, got %d".formatted(endLength, length));
        require(leeway >= 0, "expected leeway >= 0, got " + leeway);
        if (Iteration.length(rendering, value) - leeway <= length) {
            return value;
        }
        if (!Text.is(value)) {
            throw TemplateException.type(
                    "'%s' object can't be truncated".formatted(Types.name(value)));
        }
        String kept = Text.slice(Text.of(value), 0, (int) (length - endLength));
        if (!on(given[1])) {
            int space = kept.lastIndexOf(' ');
            kept = space < 0 ? kept : kept.substring(0, space);
        }
        String tail = TextArguments.escapedLike(rendering, value, end);
        return Subscript.like(value, kept + tail);
    }

    private static void require(boolean holds, String reason) {
        if (!holds) {
            throw TemplateException.of(TemplateException.Kind.ASSERTION, reason);
        }
    }
}
