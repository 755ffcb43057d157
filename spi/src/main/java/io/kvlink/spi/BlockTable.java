// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.Arrays;

/** The blocks of one sequence in the order of its tokens. Immutable. */
public final class BlockTable {

    private final int[] blocks;

    private BlockTable(int[] blocks) {
        this.blocks = blocks;
    }

    /**
     * A table of these blocks.
     *
     * @param blocks block numbers in the engine's KV memory, from 0; copied
     */
    public static BlockTable of(int... blocks) {
        for (int block : blocks) {
            if (block < 0) {
                throw new IllegalArgumentException("block=" + block);
            }
        }
        return new BlockTable(blocks.clone());
    }

    /**
     * A table of neighbouring blocks.
     *
     * @param first the first block's number
     * @param count how many
     */
    public static BlockTable range(int first, int count) {
        int[] blocks = new int[count];
        Arrays.setAll(blocks, i -> Math.addExact(first, i));
        return of(blocks);
    }

    /** Number of blocks. */
    public int size() {
        return blocks.length;
    }

    /**
     * A block's number.
     *
     * @param index which, from 0
     */
    public int block(int index) {
        return blocks[index];
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof BlockTable table && Arrays.equals(blocks, table.blocks);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(blocks);
    }

    @Override
    public String toString() {
        return "BlockTable" + Arrays.toString(blocks);
    }
}
