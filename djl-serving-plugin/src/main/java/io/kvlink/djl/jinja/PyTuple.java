// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja;

import java.util.List;

/** Python's {@code tuple}, or a named one. Equality is identity. */
final class PyTuple implements PySequence {

    private final List<Object> items;
    private final int depth;
    // Names of the parts that are attributes, too.
    private final List<String> names;

    PyTuple(List<? extends Object> items) {
        this(items, List.of());
    }

    PyTuple(List<? extends Object> items, List<String> names) {
        this.items = List.copyOf(items);
        this.depth = PySequence.depthOf(items);
        this.names = names;
    }

    static PyTuple of(Object... items) {
        return new PyTuple(List.of(items));
    }

    List<String> names() {
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
