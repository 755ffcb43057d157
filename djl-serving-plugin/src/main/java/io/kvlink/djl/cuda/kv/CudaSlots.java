// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda.kv;

import io.kvlink.djl.engine.KvMemory;
import io.kvlink.djl.engine.KvSlots;
import io.kvlink.spi.BlockTable;
import java.util.Arrays;

/** Blocks of one sequence and its row of the device's block tables. The decoder's thread. */
public final class CudaSlots implements KvSlots {
    private final CudaKvMemory memory;
    private final int table;
    private final int[] blocks;
    private final BlockTable blockTable;
    private boolean released;

    CudaSlots(CudaKvMemory memory, int table, int[] blocks) {
        this.memory = memory;
        this.table = table;
        this.blocks = blocks;
        this.blockTable = BlockTable.of(blocks);
    }

    /** Row of the sequence in the block tables. */
    public int table() {
        return table;
    }

    /** The blocks, not to be changed. */
    int[] blockNumbers() {
        return blocks;
    }

    boolean heldOf(CudaKvMemory owner) {
        return !released && memory == owner;
    }

    /** Slots with more blocks instead of these. */
    CudaSlots extended(int[] added) {
        released = true;
        int[] all = Arrays.copyOf(blocks, blocks.length + added.length);
        System.arraycopy(added, 0, all, blocks.length, added.length);
        return new CudaSlots(memory, table, all);
    }

    @Override
    public BlockTable blockTable() {
        return blockTable;
    }

    @Override
    public int blocks() {
        return blocks.length;
    }

    @Override
    public int capacity() {
        return blocks.length * KvMemory.BLOCK_TOKENS;
    }

    @Override
    public void release() {
        memory.held(this);
        released = true;
        memory.reclaim(this);
    }

    @Override
    public String toString() {
        return "CudaSlots[table=%d blocks=%d]".formatted(table, blocks.length);
    }
}
