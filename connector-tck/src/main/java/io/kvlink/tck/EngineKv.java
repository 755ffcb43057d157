// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import io.kvlink.spi.BlockTable;
import io.kvlink.spi.KvDevice;
import io.kvlink.spi.MemoryRegion;
import java.util.List;
import java.util.Optional;

/**
 * KV of a {@link FakeEngine}: its blocks, and the work that a step does on them. {@link FakeKv}
 * writes and checks every byte; a benchmark brings one that only takes the time.
 *
 * <p>One engine's, called by its thread. On a device, work is enqueued on {@link #device}'s stream.
 */
public interface EngineKv extends AutoCloseable {

    /** Memory of all layers, for the connector. */
    List<MemoryRegion> regions();

    /** The device and its stream, for the connector's context; empty for host memory. */
    default Optional<KvDevice> device() {
        return Optional.empty();
    }

    /** Makes the device the calling thread's, before the engine calls its connector. */
    default void enter() {}

    /** Returns whether there are blocks for a request's whole prompt. */
    boolean hasRoomFor(FakeRequest request);

    /** Takes blocks for a request's whole prompt, for which there is room. */
    BlockTable take(FakeRequest request);

    /** Takes back the blocks of a request that has ended. */
    void release(FakeRequest request);

    /**
     * "Computes" KV, before the layer is saved.
     *
     * @param layer the layer, from 0
     * @param request has blocks
     * @param from first token of the prompt
     * @param to end of the tokens, exclusive
     */
    void compute(int layer, FakeRequest request, int from, int to);

    /** Time after a layer was saved. */
    default void onSaved(int layer) {}

    /**
     * Attention of a step that loads: its layer was awaited, and is read up to a token.
     *
     * @param layer the layer, from 0
     * @param request whose KV is loaded
     * @param to end of the tokens, exclusive
     */
    void attend(int layer, FakeRequest request, int to);

    /** A look at a request's KV of all layers, which the connector says are loaded. */
    default void onLoaded(FakeRequest request) {}

    /**
     * Waits for what was looked at.
     *
     * @throws AssertionError if a byte was wrong
     */
    default void verify() {}

    /** Makes the engine's stream slow: see {@link KvMemory#delay}. */
    default void delay() {}

    /** Frees what this owns. The connector is closed before. */
    @Override
    void close();
}
