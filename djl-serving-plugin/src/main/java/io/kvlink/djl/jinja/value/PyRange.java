// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.value;

import java.util.Iterator;
import java.util.stream.LongStream;

/** Python's {@code range}. */
public record PyRange(long start, long stop, long step) implements Iterable<Object> {

    public int size() {
        long span = step > 0 ? stop - start : start - stop;
        long width = Math.abs(step);
        return span <= 0 ? 0 : (int) ((span + width - 1) / width);
    }

    public long at(int index) {
        return start + index * step;
    }

    public boolean has(long value) {
        boolean within = step > 0 ? value >= start && value < stop : value <= start && value > stop;
        return within && (value - start) % step == 0;
    }

    @Override
    public Iterator<Object> iterator() {
        return LongStream.range(0, size()).<Object>mapToObj(i -> start + i * step).iterator();
    }

    /** Text that Python shows for it. */
    String repr() {
        return step == 1
                ? "range(%d, %d)".formatted(start, stop)
                : "range(%d, %d, %d)".formatted(start, stop, step);
    }
}
