// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import io.kvlink.djl.engine.KvMemory;
import io.kvlink.djl.engine.KvSlots;
import io.kvlink.spi.BlockTable;

/**
 * Contiguous run of a pool's blocks that one sequence may use. Token positions 0 to {@code
 * capacity() - 1} of the sequence sit at the pool's slots {@code firstSlot()} onward. Whoever
 * allocated it releases it, once, on the pool's thread, and not before a transfer of its bytes has
 * ended.
 */
final class KvRun implements KvSlots {
    private final KvCachePool pool;
    private final int firstBlock;
    private final int blocks;
    private boolean released;

    KvRun(KvCachePool pool, int firstBlock, int blocks) {
        this.pool = pool;
        this.firstBlock = firstBlock;
        this.blocks = blocks;
    }

    @Override
    public BlockTable blockTable() {
        return BlockTable.range(firstBlock, blocks);
    }

    /** Index of the run's first block in the pool. */
    int firstBlock() {
        return firstBlock;
    }

    @Override
    public int blocks() {
        return blocks;
    }

    /** Index of the run's first slot (one slot holds one token) in the pool. */
    int firstSlot() {
        return firstBlock * KvMemory.BLOCK_TOKENS;
    }

    @Override
    public int capacity() {
        return blocks * KvMemory.BLOCK_TOKENS;
    }

    /** The blocks belong to other slots from now on; these can't be used or released any more. */
    void handOver() {
        requireHeld();
        released = true;
    }

    @Override
    public void release() {
        requireHeld();
        released = true;
        pool.reclaim(this);
    }

    KvCachePool pool() {
        return pool;
    }

    void requireHeld() {
        if (released) {
            throw new IllegalStateException("already released: " + this);
        }
    }

    @Override
    public String toString() {
        return "KvRun[firstBlock=%d blocks=%d]".formatted(firstBlock, blocks);
    }
}
