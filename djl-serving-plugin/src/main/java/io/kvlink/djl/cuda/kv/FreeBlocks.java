// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda.kv;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * Blocks that nobody holds; those given back last are taken first. One thread takes and gives back,
 * any thread counts.
 */
final class FreeBlocks {
    private final int[] blocks;
    private final AtomicInteger count;

    /** Blocks 0 to {@code total - 1}, all free; the lowest are taken first. */
    FreeBlocks(int total) {
        this.blocks = new int[total];
        for (int i = 0; i < total; i++) {
            blocks[i] = total - 1 - i;
        }
        this.count = new AtomicInteger(total);
    }

    int total() {
        return blocks.length;
    }

    int count() {
        return count.get();
    }

    /**
     * Takes blocks.
     *
     * @param wanted at most {@link #count}
     */
    int[] take(int wanted) {
        int left = count.get() - wanted;
        if (wanted < 0 || left < 0) {
            throw new IllegalArgumentException("wanted=%d free=%d".formatted(wanted, count()));
        }
        int[] taken = new int[wanted];
        for (int i = 0; i < wanted; i++) {
            taken[i] = blocks[left + wanted - 1 - i];
        }
        count.set(left);
        return taken;
    }

    void giveBack(int[] returned) {
        int before = count.get();
        for (int i = 0; i < returned.length; i++) {
            blocks[before + returned.length - 1 - i] = returned[i];
        }
        count.set(before + returned.length);
    }
}
