// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.builtin;

import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.operate.Arithmetic;
import io.kvlink.djl.jinja.operate.AttributePath;
import io.kvlink.djl.jinja.operate.Attributes;
import io.kvlink.djl.jinja.operate.Subscript;
import io.kvlink.djl.jinja.value.DictView;
import io.kvlink.djl.jinja.value.Iteration;
import io.kvlink.djl.jinja.value.Markup;
import io.kvlink.djl.jinja.value.None;
import io.kvlink.djl.jinja.value.PyBytes;
import io.kvlink.djl.jinja.value.PyDict;
import io.kvlink.djl.jinja.value.PyIterator;
import io.kvlink.djl.jinja.value.PyList;
import io.kvlink.djl.jinja.value.PyRange;
import io.kvlink.djl.jinja.value.PySequence;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Repr;
import io.kvlink.djl.jinja.value.Text;
import io.kvlink.djl.jinja.value.TextArguments;
import io.kvlink.djl.jinja.value.TextBuffer;
import io.kvlink.djl.jinja.value.Types;
import io.kvlink.djl.jinja.value.Undefined;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Filters for what has elements. */
final class SequenceFilters {

    private SequenceFilters() {}

    static void addTo(Map<String, Filter> all) {
        put(all, "length", "", (r, value, a) -> Iteration.length(r, value));
        put(all, "list", "", (r, value, a) -> new PyList(Iteration.list(r, value)));
        put(all, "first", "", (r, value, a) -> first(value));
        put(all, "last", "", SequenceFilters::last);
        put(all, "join", "d? attribute?", SequenceFilters::join);
        put(all, "reverse", "", SequenceFilters::reverse);
        put(all, "sum", "attribute? start?", SequenceFilters::sum);
        put(all, "attr", "name", SequenceFilters::attribute);
    }

    private static void put(
            Map<String, Filter> all, String name, String parameters, Filter.Body body) {
        all.put(name, Filter.of(name, parameters, body));
    }

    private static Object first(Object value) {
        Iterator<Object> all = Iteration.of(value);
        return all.hasNext() ? all.next() : Undefined.because("No first item, sequence was empty.");
    }

    private static boolean isReversible(Object value) {
        return value instanceof PySequence
                || Text.is(value)
                || value instanceof PyDict
                || value instanceof DictView
                || value instanceof PyRange
                || value instanceof PyBytes
                || value instanceof Undefined;
    }

    private static Object last(Rendering rendering, Object value, Object[] given) {
        if (!isReversible(value)) {
            throw TemplateException.type(
                    "'%s' object is not reversible".formatted(Types.name(value)));
        }
        Object last = null;
        if (value instanceof PySequence sequence) {
            return sequence.size() > 0
                    ? sequence.get(sequence.size() - 1)
                    : Undefined.because("No last item, sequence was empty.");
        }
        for (Iterator<Object> all = Iteration.of(value); all.hasNext(); ) {
            rendering.step();
            last = all.next();
        }
        return last == null ? Undefined.because("No last item, sequence was empty.") : last;
    }

    private static Object join(Rendering rendering, Object value, @Nullable Object[] given) {
        Object separator = given[0] == null ? "" : given[0];
        boolean mapped = given[1] != null && given[1] != None.NONE;
        AttributePath path = AttributePath.of(given[1], null, false);
        Iterator<Object> all = Iteration.of(value);
        if (rendering.autoescape()) {
            return joinEscaping(rendering, separator, all, path);
        }
        TextBuffer out = new TextBuffer(rendering);
        String between = Repr.str(rendering, separator);
        for (boolean first = true; all.hasNext(); first = false) {
            rendering.step();
            Object item = all.next();
            out.append(first ? "" : between);
            out.append(Repr.str(rendering, mapped ? path.get(rendering, item) : item));
        }
        return out.toString();
    }

    private static Object joinEscaping(
            Rendering rendering, Object separator, Iterator<Object> all, AttributePath path) {
        List<Object> items = new ArrayList<>();
        boolean markup = separator instanceof Markup;
        while (all.hasNext()) {
            rendering.step();
            Object item = path.get(rendering, all.next());
            markup |= item instanceof Markup;
            items.add(item);
        }
        TextBuffer out = new TextBuffer(rendering);
        for (int i = 0; i < items.size(); i++) {
            if (i > 0) {
                out.append(text(rendering, separator, markup));
            }
            out.append(text(rendering, items.get(i), markup));
        }
        return markup ? new Markup(out.toString()) : out.toString();
    }

    private static String text(Rendering rendering, Object value, boolean markup) {
        return markup ? Markup.escape(rendering, value).text() : Repr.str(rendering, value);
    }

    private static Object reverse(Rendering rendering, Object value, Object[] given) {
        if (Text.is(value)) {
            return Subscript.like(value, Text.reversed(Text.of(value)));
        }
        if (!Iteration.isIterable(value)) {
            throw TemplateException.runtime("argument must be iterable");
        }
        List<Object> all = Iteration.list(rendering, value);
        Collections.reverse(all);
        if (!isReversible(value)) {
            return new PyList(all);
        }
        String type =
                value instanceof PyList
                        ? "list_reverseiterator"
                        : value instanceof PyRange ? "range_iterator" : "reversed";
        return new PyIterator(type, value, all.iterator());
    }

    private static Object sum(Rendering rendering, Object value, @Nullable Object[] given) {
        AttributePath path = AttributePath.of(given[0], null, false);
        Object total = given[1] == null ? 0L : given[1];
        if (Text.is(total)) {
            throw TemplateException.type("sum() can't sum strings [use ''.join(seq) instead]");
        }
        for (Iterator<Object> all = Iteration.of(value); all.hasNext(); ) {
            Object item = path.get(rendering, all.next());
            total = rendering.made(Arithmetic.binary(rendering, "+", total, item));
        }
        return total;
    }

    private static Object attribute(Rendering rendering, Object value, Object[] given) {
        String name = TextArguments.required("attr", given[0]);
        Object found = Attributes.find(value, name);
        return found == null ? Undefined.part(rendering, value, name) : found;
    }
}
