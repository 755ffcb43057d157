// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.List;

/**
 * The half of a connector that runs where the layers are computed. One thread calls it, always the
 * same. Methods that wait take a deadline on {@link System#nanoTime()}'s clock and never wait
 * longer.
 */
public interface KvWorker {

    /**
     * Registers the engine's KV memory, once, before any step. The engine keeps the memory alive
     * until the connector is closed.
     *
     * @param layers one region for each layer of {@link KvConnectorContext#layout}, of equal size,
     *     a whole number of blocks; all in {@link KvConnectorContext#device}'s memory if there is
     *     one, else all in host memory
     * @throws KvConnectorException with {@link KvError#BAD_CONFIG} if the regions don't fit the
     *     layout
     */
    void registerKvMemory(List<MemoryRegion> layers);

    /**
     * Begins a step's loads and makes its saves known. Doesn't wait.
     *
     * @param step what {@link KvScheduler#buildStep} returned
     */
    void startLoad(StepMetadata step);

    /**
     * Waits until a layer's loaded KV is in the blocks of all requests of this step whose load is
     * part of the step. Its end is in the report that {@link #pollFinished} gives after this step,
     * a failure too: none is thrown. The step goes on, and the engine discards that request's
     * result.
     *
     * <p>On a device the wait is the stream's. Work that the engine enqueues on {@link
     * KvDevice#stream} after this call reads the loaded KV. Work that it had enqueued before has
     * read the blocks' old content.
     *
     * @param layer the layer, from 0
     * @param deadlineNs when to give up the loads that aren't complete
     */
    void awaitLayer(int layer, long deadlineNs);

    /**
     * Hands over a layer's KV of this step's saves. The blocks must not change until the transfer
     * is reported as {@link WorkerReport#sent}. The connector's send mode decides whether this
     * waits. If so, it waits until the bytes are sent or the connector's own deadline has passed.
     *
     * @param layer the layer, from 0; its KV is computed, or on a device enqueued on {@link
     *     KvDevice#stream}: no byte leaves before what was enqueued there has run
     */
    void saveLayer(int layer);

    /**
     * Waits until the step's saves no longer need the step: they are sent, or the connector holds
     * the blocks.
     *
     * @param deadlineNs when to give up
     * @return false if the deadline passed first
     */
    boolean awaitSaves(long deadlineNs);

    /**
     * Takes the report of all that ended since the last call. Doesn't wait.
     *
     * @return the report, for {@link KvScheduler#onStepDone} too
     */
    WorkerReport pollFinished();
}
