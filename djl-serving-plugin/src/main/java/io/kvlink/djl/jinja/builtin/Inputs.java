// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.builtin;

import io.kvlink.djl.jinja.error.Limits;
import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.value.None;
import io.kvlink.djl.jinja.value.NumberText;
import io.kvlink.djl.jinja.value.Numbers;
import io.kvlink.djl.jinja.value.PyDict;
import io.kvlink.djl.jinja.value.PyList;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Turns Java's maps, lists, texts, numbers and booleans into Python's values. */
public final class Inputs {

    private static final int CHARS_PER_VALUE = 8;

    private long chars;

    /** A measure of the size of what was turned so far. */
    public long chars() {
        return chars;
    }

    public Object value(@Nullable Object value, int depth) {
        if (depth > Limits.VALUE_DEPTH) {
            throw TemplateException.limit("values nested deeper than " + Limits.VALUE_DEPTH);
        }
        chars += CHARS_PER_VALUE;
        if (value == null) {
            return None.NONE;
        }
        if (value instanceof CharSequence text) {
            chars += text.length();
            return text.toString();
        }
        if (value instanceof Map<?, ?> map) {
            PyDict dict = new PyDict();
            map.forEach((key, part) -> dict.put(value(key, depth + 1), value(part, depth + 1)));
            return dict;
        }
        if (value instanceof Collection<?> all) {
            List<Object> list = new ArrayList<>(all.size());
            all.forEach(part -> list.add(value(part, depth + 1)));
            return new PyList(list);
        }
        if (value instanceof Boolean) {
            return value;
        }
        if (value instanceof Number number) {
            return number(number);
        }
        throw new IllegalArgumentException(
                "a variable of a template can't be a " + value.getClass().getName());
    }

    private static Object number(Number number) {
        if (number instanceof Double || number instanceof Float) {
            return number.doubleValue();
        }
        if (number instanceof BigInteger big) {
            return Numbers.of(big);
        }
        if (number instanceof BigDecimal decimal) {
            return decimal.doubleValue();
        }
        if (number instanceof Long
                || number instanceof Integer
                || number instanceof Short
                || number instanceof Byte) {
            return number.longValue();
        }
        // A number that its reader left as text, such as Gson's.
        Object integer = NumberText.integer(number.toString(), 10);
        return integer == null ? (Object) number.doubleValue() : integer;
    }
}
