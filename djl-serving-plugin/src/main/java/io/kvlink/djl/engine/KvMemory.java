// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.engine;

import io.kvlink.spi.KvDevice;
import io.kvlink.spi.MemoryRegion;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The KV memory of one model: for each layer one run of bytes {@code [2, blocks, BLOCK_TOKENS,
 * kvHeads, headDim]}, keys before values. The decoder's thread allocates and releases; counters may
 * be read from any thread.
 */
public interface KvMemory {

    /** Tokens in a block. */
    int BLOCK_TOKENS = 16;

    /** Blocks that {@code tokens} tokens need. */
    static int blocksFor(int tokens) {
        return Math.toIntExact(((long) tokens + BLOCK_TOKENS - 1) / BLOCK_TOKENS);
    }

    /**
     * Takes blocks in which {@code tokens} tokens fit.
     *
     * @return null if there are none, which is no error; their bytes are what the previous owner
     *     left
     */
    @Nullable KvSlots allocate(int tokens);

    /**
     * Slots for more tokens with the KV of the first {@code filled} ones; those handed in are no
     * longer valid. Nobody else may use the bytes meanwhile, as they may be moved.
     *
     * @param tokens more than fit now
     * @return null if there is no room, which is no error; the slots are then as they were
     */
    @Nullable KvSlots grow(KvSlots slots, int tokens, int filled);

    /**
     * Like {@link #grow}, and moves nothing.
     *
     * @return null if that needs a move, or if there is no room
     */
    @Nullable KvSlots growInPlace(KvSlots slots, int tokens);

    /**
     * Slots for more tokens with a copy of the KV of the first {@code filled} ones; the old slots
     * stay the caller's. For blocks that somebody else still reads.
     *
     * @return null if there is no room, which is no error
     */
    @Nullable KvSlots copy(KvSlots slots, int tokens, int filled);

    /**
     * Holder whose release would let {@code slots} grow in place.
     *
     * @param others slots of this memory
     * @return an index of {@code others}; -1 if nobody's
     */
    int inTheWay(KvSlots slots, List<KvSlots> others);

    /** Layers, each with a region of its own. */
    int layers();

    /** The layer's bytes; valid until the decoder is closed. */
    MemoryRegion layerRegion(int layer);

    /** The GPU of the memory and the stream that computes on it; empty for host memory. */
    Optional<KvDevice> device();

    int totalBlocks();

    int usedBlocks();

    /** Blocks that nobody holds. */
    default int freeBlocks() {
        return totalBlocks() - usedBlocks();
    }
}
