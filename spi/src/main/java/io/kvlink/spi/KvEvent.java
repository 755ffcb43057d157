// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.List;

/** Change of what a connector keeps, for routers that send requests where their prefix is. */
public final class KvEvent {

    /** Kind of change. */
    public enum Kind {
        /** KV of these blocks can be loaded from now on. */
        STORED,
        /** KV of these blocks can't be loaded any more. */
        REMOVED
    }

    private final Kind kind;
    private final int blockTokens;
    private final List<BlockHash> blocks;

    private KvEvent(Kind kind, int blockTokens, List<BlockHash> blocks) {
        this.kind = kind;
        this.blockTokens = blockTokens;
        this.blocks = List.copyOf(blocks);
    }

    /**
     * Event of stored blocks.
     *
     * @param blockTokens tokens of a block
     * @param blocks their hashes, in the order of the prompt
     */
    public static KvEvent stored(int blockTokens, List<BlockHash> blocks) {
        return new KvEvent(Kind.STORED, blockTokens, blocks);
    }

    /**
     * Event of removed blocks.
     *
     * @param blockTokens tokens of a block
     * @param blocks their hashes
     */
    public static KvEvent removed(int blockTokens, List<BlockHash> blocks) {
        return new KvEvent(Kind.REMOVED, blockTokens, blocks);
    }

    /** Kind of the change. An unknown one is to be ignored. */
    public Kind kind() {
        return kind;
    }

    /** Tokens of a block. */
    public int blockTokens() {
        return blockTokens;
    }

    /** Hashes of the blocks. */
    public List<BlockHash> blocks() {
        return blocks;
    }

    @Override
    public String toString() {
        return "KvEvent[" + kind + " blocks=" + blocks.size() + "]";
    }
}
