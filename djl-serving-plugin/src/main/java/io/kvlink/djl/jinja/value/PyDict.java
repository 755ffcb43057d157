// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.value;

import io.kvlink.djl.jinja.error.Limits;
import io.kvlink.djl.jinja.error.TemplateException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Python's {@code dict}: keeps the order, and takes 1, 1.0 and True for one key. Filled by who
 * makes it, and not changed afterwards.
 */
public final class PyDict {

    /** A key as it was given first, and its value. */
    public record Entry(Object key, Object value) {}

    private record TupleKey(List<Object> parts) {}

    private final Map<Object, Entry> entries = new LinkedHashMap<>();
    private int depth = 1;

    public PyDict put(Object key, Object value) {
        Object lookup = lookup(key);
        Entry before = entries.get(lookup);
        entries.put(lookup, new Entry(before == null ? key : before.key(), value));
        depth = Math.max(depth, 1 + PySequence.depthOf(value));
        if (depth > Limits.VALUE_DEPTH) {
            throw TemplateException.limit("values nested deeper than " + Limits.VALUE_DEPTH);
        }
        return this;
    }

    public PyDict putAll(PyDict other) {
        other.entries().forEach(entry -> put(entry.key(), entry.value()));
        return this;
    }

    public @Nullable Object get(Object key) {
        Entry entry = entries.get(lookup(key));
        return entry == null ? null : entry.value();
    }

    public @Nullable Object get(String key) {
        Entry entry = entries.get(key);
        return entry == null ? null : entry.value();
    }

    @Nullable Object remove(String key) {
        Entry entry = entries.remove(key);
        return entry == null ? null : entry.value();
    }

    public boolean has(Object key) {
        return entries.containsKey(lookup(key));
    }

    public Collection<Entry> entries() {
        return entries.values();
    }

    List<Object> keys() {
        List<Object> keys = new ArrayList<>(entries.size());
        entries.values().forEach(entry -> keys.add(entry.key()));
        return keys;
    }

    public int size() {
        return entries.size();
    }

    int depth() {
        return depth;
    }

    /** Equal for keys that Python holds equal. */
    public static Object lookup(Object key) {
        if (key instanceof String || key instanceof Long || key instanceof None) {
            return key;
        }
        if (key instanceof Markup markup) {
            return markup.text();
        }
        if (key instanceof Boolean bool) {
            return bool ? 1L : 0L;
        }
        if (key instanceof Double number) {
            return ofDouble(number);
        }
        if (key instanceof PyTuple tuple) {
            List<Object> parts = new ArrayList<>(tuple.size());
            tuple.forEach(part -> parts.add(lookup(part)));
            return new TupleKey(parts);
        }
        if (key instanceof PyList || key instanceof PyDict || key instanceof DictView) {
            throw TemplateException.type("unhashable type: '%s'".formatted(Types.name(key)));
        }
        return key instanceof Undefined ? Undefined.class : key;
    }

    private static Object ofDouble(Double number) {
        if (number.isNaN() || number.isInfinite() || number != Math.rint(number)) {
            return number;
        }
        BigInteger whole = new BigDecimal(number).toBigInteger();
        return Numbers.of(whole);
    }
}
