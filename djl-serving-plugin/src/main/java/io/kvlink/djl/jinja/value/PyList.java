// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.value;

import io.kvlink.djl.jinja.operate.Comparison;
import java.util.List;

/** Python's {@code list}. Equality is identity; Python's is {@link Comparison}. */
public final class PyList implements PySequence {

    private final List<Object> items;
    private final int depth;

    /** Takes the list, which nobody changes afterwards. */
    public PyList(List<? extends Object> items) {
        this.items = List.copyOf(items);
        this.depth = PySequence.depthOf(items);
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
