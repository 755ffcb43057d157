// SPDX-License-Identifier: Apache-2.0
package io.kvlink.pool;

import java.util.Arrays;

/**
 * Divides a range of offsets into blocks of powers of two. It takes the smallest free block that
 * fits, and of several the one at the lowest offset, so runs repeat. Both operations take time by
 * the depth of the tree, not by the number of blocks. Not thread-safe.
 *
 * <p>Blocks are the nodes of a binary tree, numbered from 1 level by level, each level from the
 * lowest offset:
 *
 * <pre>
 *  depth 0   +-------------------------------+   capacity
 *            |               1               |
 *  depth 1   +---------------+---------------+   capacity / 2
 *            |       2       |       3       |
 *  depth 2   +-------+-------+-------+-------+   capacity / 4
 *            |   4   |   5   |   6   |   7   |
 *            +-------+-------+-------+-------+
 * </pre>
 *
 * The parent of {@code n} is {@code n >> 1}, its buddy {@code n ^ 1}.
 *
 * <p>Invariant: each byte is in exactly one block, free or allocated, and no two buddies are both
 * free.
 */
final class BuddyAllocator {

    static final int MIN_BLOCK_SHIFT = 9;
    static final int MIN_BLOCK_BYTES = 1 << MIN_BLOCK_SHIFT;

    /** Answer of {@link #allocate} when nothing fits. */
    static final long NONE = -1;

    private static final int MAX_CAPACITY_SHIFT = 30;

    private final int capacityShift;
    private final int leafDepth;
    private final NumberSet free;
    private final int[] freeAtDepth;
    // Bit d: a block of depth d is free.
    private int freeDepths;
    // By the number of a block's first unit: its depth + 1 if it is allocated, else 0.
    private final byte[] allocatedDepth;

    /**
     * Starts with one free block.
     *
     * @param capacity a power of two from {@link #MIN_BLOCK_BYTES} to 1 GiB
     */
    BuddyAllocator(long capacity) {
        capacityShift = Long.numberOfTrailingZeros(capacity);
        if (capacity != 1L << capacityShift
                || capacityShift < MIN_BLOCK_SHIFT
                || capacityShift > MAX_CAPACITY_SHIFT) {
            throw new IllegalArgumentException(
                    "capacity=" + capacity + "; a power of two from 512 to 2^30 is allowed");
        }
        leafDepth = capacityShift - MIN_BLOCK_SHIFT;
        free = new NumberSet(2 << leafDepth);
        freeAtDepth = new int[leafDepth + 1];
        allocatedDepth = new byte[1 << leafDepth];
        addFree(1, 0);
    }

    /**
     * Allocates a block.
     *
     * @param bytes at least 1
     * @return the offset of its first byte, or {@link #NONE} if no free block is large enough
     */
    long allocate(long bytes) {
        int depth = capacityShift - blockShift(bytes);
        if (depth < 0) {
            return NONE;
        }
        int fitting = freeDepths & ((2 << depth) - 1);
        if (fitting == 0) {
            return NONE;
        }
        int at = 31 - Integer.numberOfLeadingZeros(fitting);
        int block = free.lowest(1 << at);
        removeFree(block, at);
        while (at < depth) {
            block <<= 1;
            at++;
            addFree(block + 1, at);
        }
        int unit = (block - (1 << depth)) << (leafDepth - depth);
        allocatedDepth[unit] = (byte) (depth + 1);
        return (long) unit << MIN_BLOCK_SHIFT;
    }

    /**
     * Frees a block and merges it with its buddy as far up as possible.
     *
     * @param offset what {@link #allocate} returned
     */
    void free(long offset) {
        int unit = (int) (offset >>> MIN_BLOCK_SHIFT);
        if (offset < 0
                || offset >= capacity()
                || offset != (long) unit << MIN_BLOCK_SHIFT
                || allocatedDepth[unit] == 0) {
            throw new IllegalArgumentException(
                    "not the start of an allocated block: offset=" + offset);
        }
        int depth = allocatedDepth[unit] - 1;
        allocatedDepth[unit] = 0;
        int block = (1 << depth) + (unit >> (leafDepth - depth));
        while (depth > 0 && free.contains(block ^ 1)) {
            removeFree(block ^ 1, depth);
            block >>= 1;
            depth--;
        }
        addFree(block, depth);
    }

    /** The size of the whole range. */
    long capacity() {
        return 1L << capacityShift;
    }

    /** True if nothing is allocated. */
    boolean isEmpty() {
        return freeAtDepth[0] == 1;
    }

    /** The number of free blocks of all sizes. */
    int freeBlocks() {
        return Arrays.stream(freeAtDepth).sum();
    }

    /** The size of the block that a request of some bytes gets. */
    static long blockBytes(long bytes) {
        return 1L << blockShift(bytes);
    }

    static int blockShift(long bytes) {
        return MIN_BLOCK_SHIFT
                + Long.SIZE
                - Long.numberOfLeadingZeros((bytes - 1) >>> MIN_BLOCK_SHIFT);
    }

    private void addFree(int block, int depth) {
        free.add(block);
        freeAtDepth[depth]++;
        freeDepths |= 1 << depth;
    }

    private void removeFree(int block, int depth) {
        free.remove(block);
        if (--freeAtDepth[depth] == 0) {
            freeDepths &= ~(1 << depth);
        }
    }
}
