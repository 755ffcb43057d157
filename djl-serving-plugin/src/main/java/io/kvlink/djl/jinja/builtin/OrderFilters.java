// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.builtin;

import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.operate.AttributePath;
import io.kvlink.djl.jinja.operate.Comparison;
import io.kvlink.djl.jinja.value.Iteration;
import io.kvlink.djl.jinja.value.PyDict;
import io.kvlink.djl.jinja.value.PyList;
import io.kvlink.djl.jinja.value.PyTuple;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Repr;
import io.kvlink.djl.jinja.value.Truth;
import io.kvlink.djl.jinja.value.Types;
import io.kvlink.djl.jinja.value.Undefined;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Filters that compare elements: sort, group, pick the smallest or the greatest. */
final class OrderFilters {

    private static final List<String> GROUP_NAMES = List.of("grouper", "list");

    private OrderFilters() {}

    static void addTo(Map<String, Filter> all) {
        put(all, "sort", "reverse? case_sensitive? attribute?", OrderFilters::sort);
        put(all, "dictsort", "case_sensitive? by? reverse?", OrderFilters::dictSort);
        put(all, "groupby", "attribute default? case_sensitive?", OrderFilters::groupBy);
        put(all, "min", "case_sensitive? attribute?", (r, v, a) -> extreme(r, v, a, false));
        put(all, "max", "case_sensitive? attribute?", (r, v, a) -> extreme(r, v, a, true));
    }

    private static void put(
            Map<String, Filter> all, String name, String parameters, Filter.Body body) {
        all.put(name, Filter.of(name, parameters, body));
    }

    private static boolean on(@Nullable Object given) {
        return given != null && Truth.of(given);
    }

    private static PyList values(List<Comparison.Keyed> sorted) {
        return new PyList(sorted.stream().map(Comparison.Keyed::value).toList());
    }

    private static Object sort(Rendering rendering, Object value, @Nullable Object[] given) {
        List<AttributePath> paths = AttributePath.several(given[2], !on(given[1]));
        List<Comparison.Keyed> keyed = new ArrayList<>();
        for (Object item : Iteration.list(rendering, value)) {
            List<Object> key = new ArrayList<>(paths.size());
            for (AttributePath path : paths) {
                key.add(path.get(rendering, item));
            }
            keyed.add(new Comparison.Keyed(new PyList(key), item));
        }
        return values(Comparison.sorted(rendering, keyed, on(given[0])));
    }

    private static Object dictSort(Rendering rendering, Object value, @Nullable Object[] given) {
        if (value instanceof Undefined undefined) {
            throw undefined.error();
        }
        String by = given[1] == null ? "key" : Repr.str(rendering, given[1]);
        if (!by.equals("key") && !by.equals("value")) {
            throw TemplateException.runtime("You can only sort by either \"key\" or \"value\"");
        }
        if (!(value instanceof PyDict dict)) {
            throw TemplateException.of(
                    TemplateException.Kind.ATTRIBUTE,
                    "'%s' object has no attribute 'items'".formatted(Types.name(value)));
        }
        AttributePath itself = AttributePath.of(null, null, !on(given[0]));
        List<Comparison.Keyed> keyed = new ArrayList<>();
        for (PyDict.Entry entry : dict.entries()) {
            Object key = by.equals("key") ? entry.key() : entry.value();
            keyed.add(
                    new Comparison.Keyed(
                            itself.get(rendering, key), PyTuple.of(entry.key(), entry.value())));
        }
        return values(Comparison.sorted(rendering, keyed, on(given[2])));
    }

    private static Object groupBy(Rendering rendering, Object value, @Nullable Object[] given) {
        boolean caseSensitive = on(given[2]);
        AttributePath path = AttributePath.of(given[0], given[1], !caseSensitive);
        AttributePath shown = AttributePath.of(given[0], given[1], false);
        List<Comparison.Keyed> keyed = new ArrayList<>();
        for (Object item : Iteration.list(rendering, value)) {
            keyed.add(new Comparison.Keyed(path.get(rendering, item), item));
        }
        List<Object> groups = new ArrayList<>();
        List<Object> group = new ArrayList<>();
        Object key = null;
        for (Comparison.Keyed next : Comparison.sorted(rendering, keyed, false)) {
            if (key != null && !Comparison.equal(rendering, key, next.key())) {
                groups.add(group(shown.get(rendering, group.get(0)), group));
                group = new ArrayList<>();
            }
            // Each group has the key of its first element.
            key = group.isEmpty() ? next.key() : key;
            group.add(next.value());
        }
        if (!group.isEmpty()) {
            groups.add(group(shown.get(rendering, group.get(0)), group));
        }
        return new PyList(groups);
    }

    private static PyTuple group(Object key, List<Object> items) {
        return new PyTuple(List.of(key, new PyList(items)), GROUP_NAMES);
    }

    private static Object extreme(
            Rendering rendering, Object value, @Nullable Object[] given, boolean greatest) {
        AttributePath path = AttributePath.of(given[1], null, !on(given[0]));
        Object best = null;
        Object bestKey = null;
        for (Iterator<Object> all = Iteration.of(value); all.hasNext(); ) {
            Object item = all.next();
            Object key = path.get(rendering, item);
            rendering.step();
            if (bestKey == null
                    || Comparison.ordered(rendering, greatest ? ">" : "<", key, bestKey)) {
                best = item;
                bestKey = key;
            }
        }
        return best == null ? Undefined.because("No aggregated item, sequence was empty.") : best;
    }
}
