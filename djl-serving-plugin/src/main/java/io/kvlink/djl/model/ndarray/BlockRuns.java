// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import java.util.BitSet;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Blocks of a pool that are taken: first fit, lowest first. Knows indices, not memory.
 *
 * <p>Invariant: {@link #used} is the number of set bits of {@link #taken}, all below {@link #size}.
 */
final class BlockRuns {
    /** Answer when there is no free run of that length. */
    static final int NO_ROOM = -1;

    private final BitSet taken;
    private final int size;
    // Written by the pool's thread; metrics read it from others.
    private final AtomicInteger used = new AtomicInteger();

    BlockRuns(int size) {
        this.taken = new BitSet(size);
        this.size = size;
    }

    /** Takes the lowest free run of {@code length} blocks; its first block, or {@link #NO_ROOM}. */
    int take(int length) {
        int start = taken.nextClearBit(0);
        while (start + (long) length <= size) {
            int end = taken.nextSetBit(start);
            if (end < 0 || end - start >= length) {
                taken.set(start, start + length);
                used.addAndGet(length);
                return start;
            }
            start = taken.nextClearBit(end);
        }
        return NO_ROOM;
    }

    /** Takes the {@code more} blocks behind a taken run; false if not all of them are free. */
    boolean extend(int start, int length, int more) {
        int end = start + length;
        int nextTaken = taken.nextSetBit(end);
        if (end + (long) more > size || (nextTaken >= 0 && nextTaken < end + more)) {
            return false;
        }
        taken.set(end, end + more);
        used.addAndGet(more);
        return true;
    }

    /**
     * Takes the lowest run of {@code newLength} blocks that is free but for a taken run, and gives
     * that one back: the two may overlap. The new one's first block; {@link #NO_ROOM} if there is
     * none, then nothing has changed.
     */
    int replace(int start, int length, int newLength) {
        giveBack(start, length);
        int found = take(newLength);
        if (found == NO_ROOM) {
            retake(start, length);
        }
        return found;
    }

    /** Takes just these blocks, which are free. */
    void retake(int start, int length) {
        taken.set(start, start + length);
        used.addAndGet(length);
    }

    /** Gives back a run that {@link #take} returned. */
    void giveBack(int start, int length) {
        if (taken.nextClearBit(start) < start + length) {
            throw new IllegalArgumentException(
                    "not a taken run: start=%d length=%d".formatted(start, length));
        }
        taken.clear(start, start + length);
        used.addAndGet(-length);
    }

    int size() {
        return size;
    }

    int used() {
        return used.get();
    }
}
