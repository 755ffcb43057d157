// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.operate;

import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.value.BlockTable;
import io.kvlink.djl.jinja.value.Iteration;
import io.kvlink.djl.jinja.value.Markup;
import io.kvlink.djl.jinja.value.None;
import io.kvlink.djl.jinja.value.Numbers;
import io.kvlink.djl.jinja.value.PyBytes;
import io.kvlink.djl.jinja.value.PyDict;
import io.kvlink.djl.jinja.value.PyList;
import io.kvlink.djl.jinja.value.PyRange;
import io.kvlink.djl.jinja.value.PySequence;
import io.kvlink.djl.jinja.value.PyTuple;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Text;
import io.kvlink.djl.jinja.value.Types;
import io.kvlink.djl.jinja.value.Undefined;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Python's {@code x[key]} and {@code x[start:stop:step]}. */
public final class Subscript {

    private Subscript() {}

    /** The element; null where Python raises an error that Jinja2 takes for undefined. */
    static @Nullable Object find(Rendering rendering, Object container, Object key) {
        if (container instanceof Undefined undefined) {
            throw undefined.error();
        }
        if (container instanceof PyDict dict) {
            try {
                return dict.get(key);
            } catch (TemplateException unhashable) {
                return null;
            }
        }
        if (container instanceof BlockTable self && Text.is(key)) {
            return self.block(Text.of(key));
        }
        if (!Numbers.isInteger(key)) {
            return null;
        }
        return at(rendering, container, Numbers.index(key));
    }

    private static @Nullable Object at(Rendering rendering, Object container, long index) {
        if (!(container instanceof PySequence
                || Text.is(container)
                || container instanceof PyRange
                || container instanceof PyBytes)) {
            return null;
        }
        long size = Iteration.length(rendering, container);
        long place = index < 0 ? index + size : index;
        if (place < 0 || place >= size) {
            return null;
        }
        int at = (int) place;
        if (container instanceof PySequence sequence) {
            return sequence.get(at);
        }
        if (container instanceof PyRange range) {
            return range.at(at);
        }
        if (container instanceof PyBytes bytes) {
            return (long) bytes.at(at);
        }
        return like(container, Text.slice(Text.of(container), at, at + 1));
    }

    /** A text of the same kind. */
    public static Object like(Object original, String text) {
        return original instanceof Markup ? new Markup(text) : text;
    }

    public static Object slice(
            Rendering rendering, Object container, Object start, Object stop, Object step) {
        if (container instanceof Undefined undefined) {
            throw undefined.error();
        }
        if (container instanceof PyDict) {
            throw TemplateException.type("unhashable type: 'slice'");
        }
        if (!(container instanceof PySequence
                || Text.is(container)
                || container instanceof PyRange
                || container instanceof PyBytes)) {
            throw TemplateException.type(
                    "'%s' object is not subscriptable".formatted(Types.name(container)));
        }
        long stride = step == None.NONE ? 1 : bound(step);
        if (stride == 0) {
            throw TemplateException.value("slice step cannot be zero");
        }
        long size = Iteration.length(rendering, container);
        long low = stride < 0 ? -1 : 0;
        long high = stride < 0 ? size - 1 : size;
        long from = start == None.NONE ? (stride < 0 ? high : low) : clamp(start, size, low, high);
        long to = stop == None.NONE ? (stride < 0 ? low : high) : clamp(stop, size, low, high);
        return slice(container, from, to, stride);
    }

    private static long bound(Object value) {
        if (!Numbers.isInteger(value)) {
            throw TemplateException.type(
                    "slice indices must be integers or None or have an __index__ method");
        }
        return Math.max(-Long.MAX_VALUE, Numbers.index(value));
    }

    private static long clamp(Object value, long size, long low, long high) {
        long place = bound(value);
        if (place < 0) {
            place += size;
        }
        return Math.max(low, Math.min(high, place));
    }

    private static Object slice(Object container, long from, long to, long stride) {
        if (container instanceof PyRange range) {
            return new PyRange(
                    range.start() + from * range.step(),
                    range.start() + to * range.step(),
                    clampedProduct(range.step(), stride));
        }
        if (Text.is(container) && stride == 1) {
            String text = Text.of(container);
            return like(container, from >= to ? "" : Text.slice(text, (int) from, (int) to));
        }
        List<Integer> places = new ArrayList<>();
        for (long i = from; stride > 0 ? i < to : i > to; i += stride) {
            places.add((int) i);
            if (Math.abs(stride) > Integer.MAX_VALUE) {
                break;
            }
        }
        return picked(container, places);
    }

    private static long clampedProduct(long a, long b) {
        long high = Math.multiplyHigh(a, b);
        return high == 0 || high == -1
                ? a * b
                : (a < 0) == (b < 0) ? Long.MAX_VALUE : -Long.MAX_VALUE;
    }

    private static Object picked(Object container, List<Integer> places) {
        if (Text.is(container)) {
            int[] points = Text.of(container).codePoints().toArray();
            StringBuilder text = new StringBuilder(places.size());
            places.forEach(place -> text.appendCodePoint(points[place]));
            return like(container, text.toString());
        }
        if (container instanceof PyBytes bytes) {
            byte[] picked = new byte[places.size()];
            for (int i = 0; i < picked.length; i++) {
                picked[i] = (byte) bytes.at(places.get(i));
            }
            return new PyBytes(picked);
        }
        PySequence sequence = (PySequence) container;
        List<Object> picked = new ArrayList<>(places.size());
        places.forEach(place -> picked.add(sequence.get(place)));
        return container instanceof PyList ? new PyList(picked) : new PyTuple(picked);
    }
}
