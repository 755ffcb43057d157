// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.value;

import java.util.List;

/** Python's {@code tuple}, or a named one. Equality is identity. */
public final class PyTuple implements PySequence {

    private final List<Object> items;
    private final int depth;
    // Names of the parts that are attributes, too.
    private final List<String> names;

    public PyTuple(List<? extends Object> items) {
        this(items, List.of());
    }

    public PyTuple(List<? extends Object> items, List<String> names) {
        this.items = List.copyOf(items);
        this.depth = PySequence.depthOf(items);
        this.names = names;
    }

    public static PyTuple of(Object... items) {
        return new PyTuple(List.of(items));
    }

    public List<String> names() {
        return names;
    }

    @Override
    public List<Object> items() {
        return items;
    }

    @Override
    public int depth() {
        return depth;
    }
}
