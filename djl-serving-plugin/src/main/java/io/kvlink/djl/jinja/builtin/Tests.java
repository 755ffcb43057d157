// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.builtin;

import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.error.TemplateSyntaxException;
import io.kvlink.djl.jinja.operate.Arithmetic;
import io.kvlink.djl.jinja.operate.Casing;
import io.kvlink.djl.jinja.operate.Comparison;
import io.kvlink.djl.jinja.value.BlockTable;
import io.kvlink.djl.jinja.value.Callable;
import io.kvlink.djl.jinja.value.DictView;
import io.kvlink.djl.jinja.value.Iteration;
import io.kvlink.djl.jinja.value.LoopValue;
import io.kvlink.djl.jinja.value.Markup;
import io.kvlink.djl.jinja.value.None;
import io.kvlink.djl.jinja.value.Numbers;
import io.kvlink.djl.jinja.value.PyDict;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Repr;
import io.kvlink.djl.jinja.value.Text;
import io.kvlink.djl.jinja.value.Undefined;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Predicate;

/** Jinja2's tests, by name. */
public final class Tests {

    private static final Map<String, Filter> ALL = new HashMap<>();

    static {
        kind("defined", value -> !(value instanceof Undefined));
        kind("undefined", Undefined.class::isInstance);
        kind("none", None.class::isInstance);
        kind("boolean", Boolean.class::isInstance);
        kind("true", Boolean.TRUE::equals);
        kind("false", Boolean.FALSE::equals);
        kind("integer", value -> Numbers.isInteger(value) && !(value instanceof Boolean));
        kind("float", Double.class::isInstance);
        kind("number", Numbers::is);
        kind("string", Text::is);
        kind("mapping", PyDict.class::isInstance);
        kind("sequence", Tests::isSequence);
        kind("iterable", value -> Iteration.isIterable(value) || value instanceof BlockTable);
        kind("callable", value -> value instanceof Callable || value instanceof Undefined);
        kind("escaped", Markup.class::isInstance);
        put("odd", "", (r, value, a) -> remainder(r, value, 2L, 1L));
        put("even", "", (r, value, a) -> remainder(r, value, 2L, 0L));
        put("divisibleby", "num", (r, value, a) -> remainder(r, value, a[0], 0L));
        put("lower", "", (r, value, a) -> Casing.isLower(Repr.str(r, value)));
        put("upper", "", (r, value, a) -> Casing.isUpper(Repr.str(r, value)));
        put("sameas", "other", (r, value, a) -> isSame(value, a[0]));
        put("in", "seq", (r, value, a) -> Comparison.contains(r, a[0], value));
        put("filter", "", (r, value, a) -> Filters.has(value));
        put("test", "", (r, value, a) -> Text.is(value) && ALL.containsKey(Text.of(value)));
        for (String name : new String[] {"eq", "==", "equalto"}) {
            put(name, "other", (r, value, a) -> Comparison.equal(r, value, a[0]));
        }
        for (String name : new String[] {"ne", "!="}) {
            put(name, "other", (r, value, a) -> !Comparison.equal(r, value, a[0]));
        }
        order("<", "<", "lt", "lessthan");
        order("<=", "<=", "le");
        order(">", ">", "gt", "greaterthan");
        order(">=", ">=", "ge");
    }

    private Tests() {}

    private static void kind(String name, Predicate<Object> test) {
        put(name, "", (rendering, value, given) -> test.test(value));
    }

    private static void put(String name, String parameters, Filter.Body body) {
        ALL.put(name, Filter.of(name, parameters, body));
    }

    private static void order(String operator, String... names) {
        for (String name : names) {
            put(name, "other", (r, value, a) -> Comparison.ordered(r, operator, value, a[0]));
        }
    }

    /** The test of a template's tag. */
    public static Filter named(String name, int line) {
        Filter test = ALL.get(name);
        if (test == null) {
            throw new TemplateSyntaxException(
                    "No test named %s.".formatted(Repr.quoted(name)), line);
        }
        return test;
    }

    /** The test that a value names. */
    public static Filter named(Rendering rendering, Object name) {
        Filter test = Text.is(name) ? ALL.get(Text.of(name)) : null;
        if (test == null) {
            throw TemplateException.runtime(
                    "No test named %s.".formatted(Repr.shown(rendering, name)));
        }
        return test;
    }

    private static boolean isSequence(Object value) {
        return Iteration.hasLength(value)
                && !(value instanceof DictView)
                && !(value instanceof LoopValue);
    }

    private static Object remainder(Rendering rendering, Object value, Object by, Object wanted) {
        return Comparison.equal(rendering, Arithmetic.binary(rendering, "%", value, by), wanted);
    }

    /** True if Python has one object for both, as far as that can be told. */
    private static boolean isSame(Object a, Object b) {
        if (a instanceof Long left && b instanceof Long right) {
            return left.equals(right) && left >= -5 && left <= 256;
        }
        if (a instanceof Boolean || a instanceof None) {
            return a.equals(b);
        }
        return a == b || (a instanceof String && a.equals(b));
    }
}
