// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.value;

import io.kvlink.djl.jinja.error.Limits;
import io.kvlink.djl.jinja.error.TemplateException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;

/** Python's {@code iter}, {@code len} and {@code list}. */
public final class Iteration {

    private Iteration() {}

    public static boolean isIterable(Object value) {
        return Text.is(value)
                || value instanceof Iterable
                || value instanceof PyIterator
                || value instanceof PyDict
                || value instanceof LoopValue
                || value instanceof PyBytes
                || value instanceof Undefined;
    }

    public static Iterator<Object> of(Object value) {
        if (value instanceof PySequence sequence) {
            return sequence.iterator();
        }
        if (value instanceof PyDict dict) {
            return dict.keys().iterator();
        }
        if (Text.is(value)) {
            return Text.of(value).codePoints().<Object>mapToObj(Character::toString).iterator();
        }
        if (value instanceof DictView view) {
            return view.iterator();
        }
        if (value instanceof PyRange range) {
            return range.iterator();
        }
        if (value instanceof PyIterator iterator) {
            return iterator;
        }
        if (value instanceof Undefined) {
            return Collections.emptyIterator();
        }
        if (value instanceof LoopValue loop) {
            return loop;
        }
        if (value instanceof PyBytes bytes) {
            List<Object> numbers = new ArrayList<>();
            for (byte b : bytes.bytes()) {
                numbers.add((long) (b & 0xff));
            }
            return numbers.iterator();
        }
        throw TemplateException.type("'%s' object is not iterable".formatted(Types.name(value)));
    }

    /** All elements, in a list that the caller may change. */
    public static List<Object> list(Rendering rendering, Object value) {
        if (value instanceof PySequence sequence) {
            rendering.madeElements(sequence.size());
            return new ArrayList<>(sequence.items());
        }
        List<Object> all = new ArrayList<>();
        for (Iterator<Object> elements = of(value); elements.hasNext(); ) {
            rendering.step();
            rendering.madeText(Limits.CHARS_PER_ELEMENT);
            all.add(elements.next());
        }
        return all;
    }

    public static boolean hasLength(Object value) {
        return Text.is(value)
                || value instanceof PySequence
                || value instanceof PyDict
                || value instanceof DictView
                || value instanceof PyRange
                || value instanceof Undefined
                || value instanceof LoopValue
                || value instanceof PyBytes;
    }

    public static long length(Rendering rendering, Object value) {
        if (Text.is(value)) {
            rendering.scan(Text.of(value).length());
            return Text.length(Text.of(value));
        }
        if (value instanceof PySequence sequence) {
            return sequence.size();
        }
        if (value instanceof PyDict dict) {
            return dict.size();
        }
        if (value instanceof DictView view) {
            return view.dict().size();
        }
        if (value instanceof PyRange range) {
            return range.size();
        }
        if (value instanceof LoopValue loop) {
            return loop.length();
        }
        if (value instanceof PyBytes bytes) {
            return bytes.size();
        }
        if (value instanceof Undefined) {
            return 0;
        }
        throw TemplateException.type(
                "object of type '%s' has no len()".formatted(Types.name(value)));
    }
}
