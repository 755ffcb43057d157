// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.value;

import io.kvlink.djl.jinja.error.Limits;
import io.kvlink.djl.jinja.error.TemplateException;
import java.util.Iterator;
import java.util.List;

/** A list or a tuple. Immutable, as templates can't change either. */
public sealed interface PySequence extends Iterable<Object> permits PyList, PyTuple {

    List<Object> items();

    /** Depth of values within each other. */
    int depth();

    default int size() {
        return items().size();
    }

    default Object get(int index) {
        return items().get(index);
    }

    @Override
    default Iterator<Object> iterator() {
        return items().iterator();
    }

    /** The depth of a container of these. */
    static int depthOf(Iterable<?> parts) {
        int depth = 0;
        for (Object part : parts) {
            depth = Math.max(depth, depthOf(part));
        }
        if (depth >= Limits.VALUE_DEPTH) {
            throw TemplateException.limit("values nested deeper than " + Limits.VALUE_DEPTH);
        }
        return depth + 1;
    }

    static int depthOf(Object part) {
        if (part instanceof PySequence sequence) {
            return sequence.depth();
        }
        if (part instanceof PyDict dict) {
            return dict.depth();
        }
        return part instanceof PyIterator iterator ? iterator.depth() : 0;
    }
}
