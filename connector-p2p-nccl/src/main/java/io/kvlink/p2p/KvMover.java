// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

import io.kvlink.p2p.internal.send.SavedKv;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.MemoryRegion;
import java.util.List;

/**
 * Moves KV between the engine's blocks and the connector's memory, and keeps the order with what
 * the engine computes. The engine's thread only.
 */
interface KvMover extends AutoCloseable {

    /**
     * A chunk of some KV, in the layers of a group.
     *
     * @param kv the KV
     * @param group number of the group
     * @param chunk of the prompt
     * @param runs where its tokens lie in each layer's memory
     * @param bytes how many bytes of a layer that is
     */
    record Save(SavedKv kv, int group, int chunk, List<KvLayout.Run> runs, long bytes) {

        /** Region of the connector's own memory for a layer of it. */
        MemoryRegion held(int layer) {
            return kv.held(group, layer, chunk);
        }
    }

    /** True if the engine's memory is of the kind that this moves. */
    boolean accepts(MemoryRegion layer);

    /** The calling thread is the engine's. */
    void attach();

    /** True if {@link #load} returns before it has copied: then many layers at once are best. */
    boolean enqueues();

    /** A step's loads begin: they come after what the engine has enqueued so far. */
    void beginLoads();

    /**
     * Copies a part of an exchanged layer into blocks.
     *
     * @param source its bytes, in order
     * @param layer the layer's memory
     * @param runs where they go in it
     * @param moreToCome whether other layers are still travelling, so that this isn't urgent
     */
    void load(
            List<MemoryRegion> source,
            MemoryRegion layer,
            List<KvLayout.Run> runs,
            boolean moreToCome);

    /** Lets all that the engine enqueues from now on run after the loads so far. */
    void joinLoads();

    /** Waits until the loads so far have been copied; short once the engine has its results. */
    void awaitLoads();

    /**
     * Hands a layer of some chunks over: the blocks, or a copy where the KV has leases.
     *
     * @param number the layer's number
     * @param layer the layer's memory
     * @param saves the chunks; those of KV that nobody needs any more are left out
     */
    void save(int number, MemoryRegion layer, List<Save> saves);

    /**
     * Lets all that the engine enqueues from now on run after the copies that {@link #save} made.
     */
    void joinSaves();

    /** True if the copies that {@link #save} made so far are complete. */
    boolean savesCopied();

    /** Waits for them. */
    void awaitSaves();

    /** Gives streams and events back, when nothing uses them any more. From any thread. */
    @Override
    void close();
}
