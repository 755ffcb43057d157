// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.value;

import io.kvlink.djl.jinja.error.Limits;
import io.kvlink.djl.jinja.error.TemplateException;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** An iterator that can be gone through once, such as a generator of the filter {@code map}. */
public final class PyIterator implements Iterator<Object> {

    private final String typeName;
    private final Iterator<Object> source;
    private final int depth;

    /**
     * An iterator.
     *
     * @param typeName the name of its type in Python
     * @param of what it takes its elements from
     */
    public PyIterator(String typeName, Object of, Iterator<Object> source) {
        this.typeName = typeName;
        this.source = source;
        this.depth = 1 + PySequence.depthOf(of);
        if (depth > Limits.VALUE_DEPTH) {
            throw TemplateException.limit("values nested deeper than " + Limits.VALUE_DEPTH);
        }
    }

    String typeName() {
        return typeName;
    }

    int depth() {
        return depth;
    }

    @Override
    public boolean hasNext() {
        return source.hasNext();
    }

    @Override
    public Object next() {
        return source.next();
    }

    /** The elements of {@code source} that pass, each looked at when it is asked for. */
    public static Iterator<Object> passing(Iterator<Object> source, Predicate<Object> test) {
        return new Iterator<>() {
            private @Nullable Object ahead;

            @Override
            public boolean hasNext() {
                while (ahead == null && source.hasNext()) {
                    Object candidate = source.next();
                    if (test.test(candidate)) {
                        ahead = candidate;
                    }
                }
                return ahead != null;
            }

            @Override
            public Object next() {
                if (!hasNext() || ahead == null) {
                    throw new NoSuchElementException();
                }
                Object next = ahead;
                ahead = null;
                return next;
            }
        };
    }

    public static Iterator<Object> mapped(Iterator<Object> source, Function<Object, Object> each) {
        return new Iterator<>() {
            @Override
            public boolean hasNext() {
                return source.hasNext();
            }

            @Override
            public Object next() {
                return each.apply(source.next());
            }
        };
    }
}
