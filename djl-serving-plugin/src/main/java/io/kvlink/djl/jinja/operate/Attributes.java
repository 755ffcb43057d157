// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.operate;

import io.kvlink.djl.jinja.value.Markup;
import io.kvlink.djl.jinja.value.Namespace;
import io.kvlink.djl.jinja.value.PyBytes;
import io.kvlink.djl.jinja.value.PyDict;
import io.kvlink.djl.jinja.value.PyList;
import io.kvlink.djl.jinja.value.PyRange;
import io.kvlink.djl.jinja.value.PyTuple;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Text;
import io.kvlink.djl.jinja.value.Undefined;
import io.kvlink.djl.jinja.value.WithAttributes;
import java.math.BigInteger;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Python's {@code x.name}, behind Jinja2's immutable sandbox. */
public final class Attributes {

    /** Methods that change a list or a dict; the sandbox hides them. */
    private static final Set<String> CHANGING_LIST =
            Set.of("append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove");

    private static final Set<String> CHANGING_DICT =
            Set.of("clear", "pop", "popitem", "setdefault", "update");

    /** Attributes with two underscores that any object of Python has. */
    private static final Set<String> INTERNAL =
            Set.of(
                    "__class__",
                    "__delattr__",
                    "__dir__",
                    "__doc__",
                    "__eq__",
                    "__format__",
                    "__ge__",
                    "__getattribute__",
                    "__getstate__",
                    "__gt__",
                    "__hash__",
                    "__init__",
                    "__init_subclass__",
                    "__le__",
                    "__lt__",
                    "__ne__",
                    "__new__",
                    "__reduce__",
                    "__reduce_ex__",
                    "__repr__",
                    "__setattr__",
                    "__sizeof__",
                    "__str__",
                    "__subclasshook__");

    private static final Set<String> MARKUP_ONLY = Set.of("unescape", "striptags");

    private static final Map<String, Method> TEXT = table(TextMethods.ALL, TextTests.ALL);
    private static final Map<String, Method> LIST = table(ContainerMethods.LIST);
    private static final Map<String, Method> TUPLE = table(ContainerMethods.TUPLE);
    private static final Map<String, Method> DICT = table(ContainerMethods.DICT);
    private static final Map<String, Method> INTEGER = table(NumberMethods.INTEGER);
    private static final Map<String, Method> REAL = table(NumberMethods.REAL);
    private static final Map<String, Method> BYTES = table(ContainerMethods.BYTES);

    private Attributes() {}

    @SafeVarargs
    private static Map<String, Method> table(List<Method>... parts) {
        Map<String, Method> table = new HashMap<>();
        for (List<Method> part : parts) {
            part.forEach(method -> table.put(method.name(), method));
        }
        return Map.copyOf(table);
    }

    /** Jinja2's {@code x.name}: the attribute, else the element of that name. */
    public static Object attribute(Rendering rendering, Object of, String name) {
        Object found = find(of, name);
        if (found != null) {
            return found;
        }
        Object element = Subscript.find(rendering, of, name);
        return element != null ? element : Undefined.part(rendering, of, name);
    }

    /** Jinja2's {@code x[key]}: the element, else the attribute of that name. */
    public static Object element(Rendering rendering, Object of, Object key) {
        Object found = Subscript.find(rendering, of, key);
        if (found == null && Text.is(key)) {
            found = find(of, Text.of(key));
        }
        return found != null ? found : Undefined.part(rendering, of, key);
    }

    /** The attribute, undefined if the sandbox hides it; null if there is none. */
    public static @Nullable Object find(Object of, String name) {
        if (of instanceof Undefined undefined) {
            if (name.startsWith("__") && name.endsWith("__")) {
                return INTERNAL.contains(name) ? Undefined.unsafe(of, name) : null;
            }
            throw undefined.error();
        }
        if (of instanceof Namespace namespace) {
            Object value = namespace.get(name);
            return value != null && name.startsWith("_") ? Undefined.unsafe(of, name) : value;
        }
        if (INTERNAL.contains(name) || isHidden(of, name)) {
            return Undefined.unsafe(of, name);
        }
        if (of instanceof WithAttributes object) {
            return object.attribute(name);
        }
        if (of instanceof PyTuple tuple && tuple.names().contains(name)) {
            return tuple.get(tuple.names().indexOf(name));
        }
        if (Text.is(of) && StrFormat.NAMES.contains(name)) {
            return new StrFormat(of, name);
        }
        Method method = methods(of).get(name);
        if (method == null) {
            return NumberMethods.property(of, name);
        }
        boolean ofMarkupOnly = MARKUP_ONLY.contains(name) && !(of instanceof Markup);
        return ofMarkupOnly ? null : method.on(of);
    }

    private static boolean isHidden(Object of, String name) {
        return (of instanceof PyList && CHANGING_LIST.contains(name))
                || (of instanceof PyDict && CHANGING_DICT.contains(name));
    }

    private static Map<String, Method> methods(Object of) {
        if (Text.is(of)) {
            return TEXT;
        }
        if (of instanceof PyDict) {
            return DICT;
        }
        if (of instanceof PyList) {
            return LIST;
        }
        if (of instanceof PyTuple || of instanceof PyRange) {
            return TUPLE;
        }
        if (of instanceof Double) {
            return REAL;
        }
        if (of instanceof Long || of instanceof Boolean || of instanceof BigInteger) {
            return INTEGER;
        }
        return of instanceof PyBytes ? BYTES : Map.of();
    }

    /** True if a value of any type may have a method of that name. */
    public static boolean isMethod(String name) {
        return Stream.of(TEXT, LIST, TUPLE, DICT, INTEGER, REAL, BYTES)
                        .anyMatch(table -> table.containsKey(name))
                || StrFormat.NAMES.contains(name)
                || CHANGING_LIST.contains(name)
                || CHANGING_DICT.contains(name)
                || INTERNAL.contains(name)
                || WithAttributes.NAMES.contains(name);
    }
}
