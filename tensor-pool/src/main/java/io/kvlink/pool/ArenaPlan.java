// SPDX-License-Identifier: Apache-2.0
package io.kvlink.pool;

/**
 * The arenas that a pool may still open. Their sizes are the binary digits of the pool's limit, so
 * together they are exactly that limit, less a remainder under {@link
 * BuddyAllocator#MIN_BLOCK_BYTES}. A buffer ends at 2 GiB, hence no arena is above 1 GiB. A pool
 * should start small. Hence one arena above 64 MiB is halved down to 64 MiB where the limit has no
 * such digit:
 *
 * <pre>
 *    3 MiB  =  1 + 2
 *    1 GiB  =  64 + 64 + 128 + 256 + 512 MiB
 *   20 GiB  =  64 + 64 + 128 + 256 + 512 MiB + 19 x 1 GiB
 * </pre>
 *
 * Made when the pool is made, so the largest lease doesn't depend on what was leased before. An
 * arena that can't be opened leaves the plan for good. Not thread-safe.
 */
final class ArenaPlan {

    static final int START_SHIFT = 26;
    static final int MAX_SHIFT = 30;

    /** Answer of {@link #take} when no arena is large enough. */
    static final int NONE = -1;

    // By the binary logarithm of the size: how many are still to be opened.
    private final long[] unopened = new long[MAX_SHIFT + 1];
    // And how many there can be, those that were taken included.
    private final long[] planned;
    private long largestBytes;

    ArenaPlan(long maxBytes) {
        for (int shift = BuddyAllocator.MIN_BLOCK_SHIFT; shift < MAX_SHIFT; shift++) {
            unopened[shift] = maxBytes >> shift & 1;
        }
        unopened[MAX_SHIFT] = maxBytes >> MAX_SHIFT;
        if (unopened[START_SHIFT] == 0) {
            halveDownToStart();
        }
        planned = unopened.clone();
        largestBytes = largest();
    }

    private void halveDownToStart() {
        int shift = smallestFrom(START_SHIFT);
        if (shift != NONE) {
            unopened[shift]--;
            for (int half = START_SHIFT; half < shift; half++) {
                unopened[half]++;
            }
            unopened[START_SHIFT]++;
        }
    }

    private long largest() {
        for (int shift = MAX_SHIFT; shift >= BuddyAllocator.MIN_BLOCK_SHIFT; shift--) {
            if (planned[shift] > 0) {
                return 1L << shift;
            }
        }
        return 0;
    }

    /** Number of blocks of so many bytes that the plan's arenas, opened or not, can hold. */
    long capacity(long bytes) {
        if (bytes > largestBytes) {
            return 0;
        }
        int blockShift = BuddyAllocator.MIN_BLOCK_SHIFT;
        while (1L << blockShift < bytes) {
            blockShift++;
        }
        long blocks = 0;
        for (int shift = blockShift; shift <= MAX_SHIFT; shift++) {
            blocks += planned[shift] << (shift - blockShift);
        }
        return blocks;
    }

    /** The largest lease that an arena of this plan, opened or not, can hold. */
    long largestBytes() {
        return largestBytes;
    }

    /**
     * Takes the smallest unopened arena that is large enough.
     *
     * @param bytes at least 1
     * @return the arena's size, or {@link #NONE}
     */
    int take(long bytes) {
        if (bytes > largestBytes) {
            return NONE;
        }
        int shift = smallestFrom(BuddyAllocator.blockShift(bytes));
        if (shift == NONE) {
            return NONE;
        }
        unopened[shift]--;
        return 1 << shift;
    }

    /** Forgets an arena that was taken and couldn't be opened, and all unopened ones as large. */
    void giveUpFrom(int bytes) {
        int failed = Integer.numberOfTrailingZeros(bytes);
        if (planned[failed] > unopened[failed]) {
            planned[failed]--;
        }
        for (int shift = failed; shift <= MAX_SHIFT; shift++) {
            planned[shift] -= unopened[shift];
            unopened[shift] = 0;
        }
        largestBytes = largest();
    }

    private int smallestFrom(int fromShift) {
        for (int shift = fromShift; shift <= MAX_SHIFT; shift++) {
            if (unopened[shift] > 0) {
                return shift;
            }
        }
        return NONE;
    }
}
