// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.Arrays;
import java.util.List;

/**
 * The blocks of one sequence in the order of its tokens. Where layers are of several {@link
 * KvLayerGroup}s there is a table for each, and the first one stands for all. Immutable.
 */
public final class BlockTable {

    private final int[] blocks;
    // Tables of all groups, this one first; empty where one table is for all.
    private final List<BlockTable> groups;

    private BlockTable(int[] blocks, List<BlockTable> groups) {
        this.blocks = blocks;
        this.groups = groups;
    }

    /**
     * Tables of all groups of layers. Blocks of tokens that a window has left behind may be any.
     *
     * @param groups a table for each group, in the order of {@link KvConnectorContext#groups}
     */
    public static BlockTable ofGroups(List<BlockTable> groups) {
        return new BlockTable(groups.get(0).blocks, List.copyOf(groups));
    }

    /**
     * Table of one group of layers.
     *
     * @param number of the group, from 0
     */
    public BlockTable group(int number) {
        return groups.isEmpty() ? this : groups.get(number);
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
        return new BlockTable(blocks.clone(), List.of());
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
        return other instanceof BlockTable table
                && Arrays.equals(blocks, table.blocks)
                && groups.equals(table.groups);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(blocks);
    }

    @Override
    public String toString() {
        return groups.isEmpty() ? "BlockTable" + Arrays.toString(blocks) : "BlockTable" + groups;
    }
}
