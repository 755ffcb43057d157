// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.builtin;

import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.error.TemplateSyntaxException;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Repr;
import io.kvlink.djl.jinja.value.Text;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/** Jinja2's filters, by name. */
public final class Filters {

    /** Filters whose first argument names a filter. */
    private static final Set<String> OF_FILTERS = Set.of("map");

    /** Filters with an argument that names a test, by that argument's place. */
    private static final Map<String, Integer> OF_TESTS =
            Map.of("select", 0, "reject", 0, "selectattr", 1, "rejectattr", 1);

    /** Filters of Jinja2 that aren't rendered here, with why. */
    private static final Map<String, String> REFUSED =
            Map.of(
                    "random", "gives something else each time",
                    "pprint", "isn't rendered here",
                    "urlize", "isn't rendered here");

    private static final Map<String, Filter> ALL = new HashMap<>();

    static {
        TextFilters.addTo(ALL);
        LayoutFilters.addTo(ALL);
        HtmlFilters.addTo(ALL);
        NumberFilters.addTo(ALL);
        SequenceFilters.addTo(ALL);
        OrderFilters.addTo(ALL);
        LazyFilters.addTo(ALL);
        alias("d", "default");
        alias("count", "length");
        alias("e", "escape");
    }

    private Filters() {}

    private static void alias(String name, String of) {
        Filter filter = ALL.get(of);
        if (filter == null) {
            throw new IllegalStateException("no filter " + of);
        }
        ALL.put(name, filter);
    }

    /** The filter of a template's tag. */
    public static Filter named(String name, int line) {
        Filter filter = ALL.get(name);
        if (REFUSED.containsKey(name)) {
            throw new TemplateSyntaxException(
                    "the filter '%s' %s".formatted(name, REFUSED.get(name)), line);
        }
        if (filter == null) {
            throw new TemplateSyntaxException(
                    "No filter named %s.".formatted(Repr.quoted(name)), line);
        }
        return filter;
    }

    /** The filter that a value names. */
    public static Filter named(Rendering rendering, Object name) {
        Filter filter = Text.is(name) ? ALL.get(Text.of(name)) : null;
        if (filter == null) {
            throw TemplateException.runtime(
                    "No filter named %s.".formatted(Repr.shown(rendering, name)));
        }
        return filter;
    }

    static boolean has(Object name) {
        return Text.is(name)
                && (ALL.containsKey(Text.of(name)) || REFUSED.containsKey(Text.of(name)));
    }

    /**
     * Refuses arguments that name a filter or a test which isn't there.
     *
     * @param constants text that the template gives as an argument, by its place; null if it gives
     *     no constant text there
     */
    public static void requireKnown(
            String filter, IntFunction<@Nullable String> constants, int line) {
        if (OF_FILTERS.contains(filter)) {
            String name = constants.apply(0);
            if (name != null) {
                named(name, line);
            }
        }
        if (OF_TESTS.containsKey(filter)) {
            String name = constants.apply(OF_TESTS.get(filter));
            if (name != null) {
                Tests.named(name, line);
            }
        }
    }
}
