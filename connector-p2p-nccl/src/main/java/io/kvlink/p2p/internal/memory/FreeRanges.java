// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.memory;

import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Free offsets of a slab. Neighbouring free ranges are always one range. The lowest range that is
 * large enough is taken first. Knows no memory. Not thread-safe.
 */
final class FreeRanges {

    private final long size;
    // Offset to length; no two touch.
    private final TreeMap<Long, Long> free = new TreeMap<>();

    FreeRanges(long size) {
        this.size = size;
        free.put(0L, size);
    }

    /** Takes a range, and returns its offset, or -1 if no free range is that long. */
    long take(long bytes) {
        Map.Entry<Long, Long> range = firstOf(bytes);
        if (range == null) {
            return -1;
        }
        // Read before removing: TreeMap may move another range into the entry's node.
        long offset = range.getKey();
        long length = range.getValue();
        free.remove(offset);
        if (length > bytes) {
            free.put(offset + bytes, length - bytes);
        }
        return offset;
    }

    /** Gives a range back that was taken, and merges it with its neighbours. */
    void give(long offset, long bytes) {
        Map.Entry<Long, Long> before = free.floorEntry(offset);
        Map.Entry<Long, Long> after = free.ceilingEntry(offset);
        long end = offset + bytes;
        if (offset < 0
                || end > size
                || (before != null && before.getKey() + before.getValue() > offset)
                || (after != null && after.getKey() < end)) {
            throw new IllegalArgumentException(
                    "not taken: offset=" + offset + " bytes=" + bytes + " free=" + free);
        }
        long start = offset;
        if (before != null && before.getKey() + before.getValue() == offset) {
            start = before.getKey();
        }
        if (after != null && after.getKey() == end) {
            end += after.getValue();
            free.remove(after.getKey());
        }
        free.put(start, end - start);
    }

    private Map.@Nullable Entry<Long, Long> firstOf(long bytes) {
        for (Map.Entry<Long, Long> range : free.entrySet()) {
            if (range.getValue() >= bytes) {
                return range;
            }
        }
        return null;
    }

    /** True if nothing is taken. */
    boolean isWhole() {
        return free.size() == 1 && free.firstEntry().getValue() == size;
    }
}
