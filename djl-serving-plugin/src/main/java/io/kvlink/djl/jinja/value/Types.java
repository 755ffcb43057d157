// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.value;

import java.math.BigInteger;

/** Names of Python's types. */
public final class Types {

    private Types() {}

    /** The name that error messages have. */
    public static String name(Object value) {
        if (value instanceof String) {
            return "str";
        }
        if (value instanceof Boolean) {
            return "bool";
        }
        if (value instanceof Long || value instanceof BigInteger) {
            return "int";
        }
        if (value instanceof Double) {
            return "float";
        }
        if (value instanceof PyList) {
            return "list";
        }
        if (value instanceof PyTuple) {
            return "tuple";
        }
        if (value instanceof PyDict) {
            return "dict";
        }
        return rareName(value);
    }

    private static String rareName(Object value) {
        if (value == None.NONE) {
            return "NoneType";
        }
        if (value instanceof DictView view) {
            return view.kind().typeName();
        }
        if (value instanceof PyIterator iterator) {
            return iterator.typeName();
        }
        if (value instanceof Callable callable) {
            return callable.typeName();
        }
        if (value instanceof PyBytes) {
            return "bytes";
        }
        if (value instanceof PyRange) {
            return "range";
        }
        return value.getClass().getSimpleName();
    }

    /** The name with its module, unless that is Python's own. */
    static String qualified(Object value) {
        String name = name(value);
        if (value instanceof OfModule known) {
            return known.module() + "." + name;
        }
        return value instanceof Markup ? "markupsafe.Markup" : name;
    }
}
