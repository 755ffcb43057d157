// SPDX-License-Identifier: Apache-2.0
package io.kvlink.offload;

import io.kvlink.offload.BlockMoves.Move;
import io.kvlink.spi.MemoryRegion;
import java.util.List;

/**
 * Copies between the engine's layers and kept blocks, in order with what the engine computes. The
 * engine's worker thread.
 */
interface KvCopier extends AutoCloseable {

    /** True if the engine's memory is of the kind that this copies. */
    boolean accepts(MemoryRegion layer);

    /** A step's loads begin: they come after what the engine has enqueued so far. */
    void beginLoads();

    /**
     * Copies into the engine's memory.
     *
     * @param layer the layer's memory
     * @param block a kept block's part for that layer
     * @param moves what goes where
     */
    void load(MemoryRegion layer, MemoryRegion block, List<Move> moves);

    /** All that the engine enqueues from now on comes after the loads so far. */
    void joinLoads();

    /** Saves of a layer begin: they come after what the engine has enqueued so far. */
    void beginSaves();

    /** Copies out of the engine's memory. Parameters as of {@link #load}. */
    void save(MemoryRegion layer, MemoryRegion block, List<Move> moves);

    /** All that the engine enqueues from now on comes after the saves so far. */
    void joinSaves();

    /** Waits for all copies, and gives all resources back. Any thread. */
    @Override
    void close();
}
