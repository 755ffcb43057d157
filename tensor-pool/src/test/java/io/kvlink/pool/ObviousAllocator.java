// SPDX-License-Identifier: Apache-2.0
package io.kvlink.pool;

import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/** Allocator with the rules of {@link BuddyAllocator} that looks at all blocks. */
final class ObviousAllocator {

    private final TreeMap<Long, Long> free = new TreeMap<>();
    private final Map<Long, Long> allocated = new HashMap<>();

    ObviousAllocator(long capacity) {
        free.put(0L, capacity);
    }

    long allocate(long bytes) {
        long need = 512;
        while (need < bytes) {
            need *= 2;
        }
        long best = BuddyAllocator.NONE;
        for (Map.Entry<Long, Long> block : free.entrySet()) {
            if (block.getValue() >= need
                    && (best == BuddyAllocator.NONE || block.getValue() < free.get(best))) {
                best = block.getKey();
            }
        }
        if (best != BuddyAllocator.NONE) {
            long size = free.remove(best);
            while (size > need) {
                size /= 2;
                free.put(best + size, size);
            }
            allocated.put(best, size);
        }
        return best;
    }

    void free(long freed) {
        long offset = freed;
        long size = allocated.remove(offset);
        while (true) {
            long buddy = offset / size % 2 == 0 ? offset + size : offset - size;
            if (free.getOrDefault(buddy, 0L) != size) {
                free.put(offset, size);
                return;
            }
            free.remove(buddy);
            offset = Math.min(offset, buddy);
            size *= 2;
        }
    }

    int freeBlocks() {
        return free.size();
    }
}
