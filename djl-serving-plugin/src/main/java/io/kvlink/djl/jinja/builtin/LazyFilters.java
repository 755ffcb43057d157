// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.builtin;

import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.operate.AttributePath;
import io.kvlink.djl.jinja.operate.Comparison;
import io.kvlink.djl.jinja.value.Arguments;
import io.kvlink.djl.jinja.value.DictView;
import io.kvlink.djl.jinja.value.Iteration;
import io.kvlink.djl.jinja.value.None;
import io.kvlink.djl.jinja.value.Numbers;
import io.kvlink.djl.jinja.value.PyDict;
import io.kvlink.djl.jinja.value.PyIterator;
import io.kvlink.djl.jinja.value.PyList;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Repr;
import io.kvlink.djl.jinja.value.Truth;
import io.kvlink.djl.jinja.value.Undefined;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Filters that are generators in Python: they look at an element when it is asked for. */
final class LazyFilters {

    private LazyFilters() {}

    static void addTo(Map<String, Filter> all) {
        all.put("map", LazyFilters::map);
        all.put("select", (r, value, a) -> select(r, value, a, true, false));
        all.put("reject", (r, value, a) -> select(r, value, a, false, false));
        all.put("selectattr", (r, value, a) -> select(r, value, a, true, true));
        all.put("rejectattr", (r, value, a) -> select(r, value, a, false, true));
        put(all, "unique", "case_sensitive? attribute?", LazyFilters::unique);
        put(all, "batch", "linecount fill_with?", LazyFilters::batch);
        put(all, "slice", "slices fill_with?", LazyFilters::slice);
        put(all, "items", "", (r, value, a) -> items(value));
    }

    private static void put(
            Map<String, Filter> all, String name, String parameters, Filter.Body body) {
        all.put(name, Filter.of(name, parameters, body));
    }

    private static PyIterator generator(Object of, Iterator<Object> elements) {
        return new PyIterator("generator", of, elements);
    }

    private static PyIterator empty() {
        return generator(None.NONE, Collections.emptyIterator());
    }

    private static Object map(Rendering rendering, Object value, Arguments arguments) {
        if (!Truth.of(value)) {
            return empty();
        }
        Function<Object, Object> each = mapping(rendering, arguments);
        return generator(
                value,
                PyIterator.mapped(
                        Iteration.of(value),
                        element -> {
                            rendering.step();
                            return each.apply(element);
                        }));
    }

    private static Function<Object, Object> mapping(Rendering rendering, Arguments arguments) {
        if (arguments.positional().isEmpty() && arguments.named().containsKey("attribute")) {
            Map<String, Object> named = new LinkedHashMap<>(arguments.named());
            AttributePath path =
                    AttributePath.of(named.remove("attribute"), named.remove("default"), false);
            if (!named.isEmpty()) {
                throw TemplateException.runtime(
                        "Unexpected keyword argument "
                                + Repr.quoted(named.keySet().iterator().next()));
            }
            return element -> path.get(rendering, element);
        }
        if (arguments.positional().isEmpty()) {
            throw TemplateException.runtime("map requires a filter argument");
        }
        Filter filter = Filters.named(rendering, arguments.positional().get(0));
        Arguments rest = arguments.after(1);
        return element -> rendering.made(filter.apply(rendering, element, rest));
    }

    private static Object select(
            Rendering rendering,
            Object value,
            Arguments arguments,
            boolean wanted,
            boolean byAttribute) {
        if (!Truth.of(value)) {
            return empty();
        }
        List<Object> given = arguments.positional();
        if (byAttribute && given.isEmpty()) {
            throw TemplateException.runtime("Missing parameter for attribute name");
        }
        AttributePath path = AttributePath.of(byAttribute ? given.get(0) : null, null, false);
        int off = byAttribute ? 1 : 0;
        Predicate<Object> test =
                given.size() > off
                        ? test(rendering, given.get(off), arguments.after(off + 1))
                        : Truth::of;
        return generator(
                value,
                PyIterator.passing(
                        Iteration.of(value),
                        element -> {
                            rendering.step();
                            return test.test(path.get(rendering, element)) == wanted;
                        }));
    }

    private static Predicate<Object> test(Rendering rendering, Object name, Arguments rest) {
        Filter test = Tests.named(rendering, name);
        return element -> Truth.of(test.apply(rendering, element, rest));
    }

    private static Object unique(Rendering rendering, Object value, @Nullable Object[] given) {
        boolean caseSensitive = given[0] != null && Truth.of(given[0]);
        AttributePath path = AttributePath.of(given[1], null, !caseSensitive);
        Set<Object> seen = new HashSet<>();
        return generator(
                value,
                PyIterator.passing(
                        Iteration.of(value),
                        element -> {
                            rendering.step();
                            return seen.add(PyDict.lookup(path.get(rendering, element)));
                        }));
    }

    private static @Nullable Object fill(@Nullable Object given) {
        return given == None.NONE ? null : given;
    }

    private static Object batch(Rendering rendering, Object value, @Nullable Object[] given) {
        Object size = given[0] == null ? None.NONE : given[0];
        Object fill = fill(given[1]);
        List<Object> batches = new ArrayList<>();
        List<Object> batch = new ArrayList<>();
        for (Object item : Iteration.list(rendering, value)) {
            if (Comparison.equal(rendering, (long) batch.size(), size)) {
                batches.add(new PyList(batch));
                batch = new ArrayList<>();
            }
            batch.add(item);
        }
        if (!batch.isEmpty()) {
            if (fill != null) {
                long missing = Numbers.index(size) - batch.size();
                rendering.requireElements(missing);
                for (long i = 0; i < missing; i++) {
                    batch.add(fill);
                }
            }
            batches.add(new PyList(batch));
        }
        return generator(value, batches.iterator());
    }

    private static Object slice(Rendering rendering, Object value, @Nullable Object[] given) {
        List<Object> all = Iteration.list(rendering, value);
        long count = given[0] == null ? 0 : Numbers.index(given[0]);
        if (count == 0) {
            throw TemplateException.of(
                    TemplateException.Kind.ZERO_DIVISION, "integer division or modulo by zero");
        }
        rendering.requireElements(Math.max(0, count));
        Object fill = fill(given[1]);
        List<Object> slices = new ArrayList<>();
        long each = Math.floorDiv(all.size(), count);
        long larger = Math.floorMod(all.size(), count);
        int start = 0;
        for (long i = 0; i < count; i++) {
            rendering.step();
            int end = (int) (start + each + (i < larger ? 1 : 0));
            List<Object> slice = new ArrayList<>(all.subList(start, end));
            if (fill != null && i >= larger) {
                slice.add(fill);
            }
            slices.add(new PyList(slice));
            start = end;
        }
        return generator(value, slices.iterator());
    }

    private static Object items(Object value) {
        if (value instanceof Undefined) {
            return empty();
        }
        if (!(value instanceof PyDict dict)) {
            throw TemplateException.type("Can only get item pairs from a mapping.");
        }
        return generator(value, new DictView(dict, DictView.Kind.ITEMS).iterator());
    }
}
