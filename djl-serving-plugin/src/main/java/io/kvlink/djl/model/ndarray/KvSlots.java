// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

/**
 * The right to use a contiguous run of a pool's blocks: token positions 0 to {@code capacity() - 1}
 * of one sequence sit at the pool's slots {@code firstSlot()} onward. Whoever allocated it releases
 * it, once, on the pool's thread, and not before a transfer of its bytes has ended.
 */
public final class KvSlots {
    private final KvCachePool pool;
    private final int firstBlock;
    private final int blocks;
    private boolean released;

    KvSlots(KvCachePool pool, int firstBlock, int blocks) {
        this.pool = pool;
        this.firstBlock = firstBlock;
        this.blocks = blocks;
    }

    /** Index of the run's first block in the pool. */
    public int firstBlock() {
        return firstBlock;
    }

    /** Number of blocks in the run. */
    public int blocks() {
        return blocks;
    }

    /** Index of the run's first slot (one slot holds one token) in the pool. */
    public int firstSlot() {
        return firstBlock * KvCachePool.BLOCK_TOKENS;
    }

    /** Tokens that fit: whole blocks, so at least what was asked for. */
    public int capacity() {
        return blocks * KvCachePool.BLOCK_TOKENS;
    }

    /** The blocks belong to other slots from now on; these can't be used or released any more. */
    void handOver() {
        requireHeld();
        released = true;
    }

    /** Gives the blocks back. Releasing twice is a bug in the caller, so it throws. */
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
        return "KvSlots[firstBlock=%d blocks=%d]".formatted(firstBlock, blocks);
    }
}
