// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.wire.node;

import io.kvlink.spi.DType;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvRole;
import io.kvlink.tck.EngineShape;
import java.util.List;

/** Commands to an engine of another process, done by that engine's thread. */
public interface EngineApi {

    /**
     * Settings of an engine.
     *
     * @param role prefill or decode
     * @param ip where it listens
     * @param layers of the model
     * @param mostTokens the largest request
     * @param slots how many requests have blocks at once
     * @param gpu ordinal of the GPU, or -1 for host memory
     * @param ownStream whether a GPU's engine uses a stream of its own
     * @param spinNs how long the engine's thread spins before it parks
     * @param firstLayerNs how long a prompt's first layer takes to compute
     */
    record Shape(
            KvRole role,
            String ip,
            int layers,
            int mostTokens,
            int slots,
            int gpu,
            boolean ownStream,
            long spinNs,
            long firstLayerNs) {

        KvLayout layout() {
            return KvLayout.single("wire", layers, 8, 128, DType.BF16, 16);
        }

        // One more than full ones: the last token of a prompt isn't transferred, but needs a place.
        int slotBlocks() {
            return mostTokens / 16 + 1;
        }

        EngineShape engine() {
            return new EngineShape(layout(), slots * slotBlocks(), true);
        }
    }

    /**
     * A producer's view of a round.
     *
     * @param startNs before the first {@code saveLayer}
     * @param saveNs how long each {@code saveLayer} took
     * @param allocatedBytes by the engine's thread, from the requests' arrival to their end
     * @param plane what the bytes went over
     */
    @SuppressWarnings("ArrayRecordComponent")
    record Sent(long startNs, long[] saveNs, long allocatedBytes, String plane) {}

    /**
     * A consumer's view of a round.
     *
     * @param endNs for each request: the engine's stream has passed its last {@code awaitLayer}
     * @param allocatedBytes by the engine's thread, from the requests' arrival to their end
     */
    @SuppressWarnings("ArrayRecordComponent")
    record Received(long[] endNs, long allocatedBytes) {}

    /** The process's clock. */
    long clock();

    /** Description of a GPU and its software. */
    String gpuFacts(int ordinal, boolean nccl) throws Exception;

    /** Takes memory. */
    void take(Shape shape);

    /** Gives connector and memory back. */
    void giveBack() throws Exception;

    /** Opens a connector: its address. */
    String connect(Setup setup, long bufferBytes, double poolGib);

    /** Closes the connector. */
    void disconnect();

    /** Prefill steps, the first at a moment of the engine's clock. */
    Sent send(List<List<Hop>> steps, long atNs);

    /** Loads; has begun once the connector expects all. */
    Received receive(List<Hop> hops);

    /** Fills the blocks of requests. */
    void fill(List<Hop> hops, long seed);

    /** Poisons all memory. */
    void poison();

    /** Compares the blocks of requests, which are all that was written to. */
    Wrong check(List<Hop> hops, long seed);

    /**
     * Faults in memory, in words of 8 bytes.
     *
     * @param different words of the requests that aren't the producer's
     * @param stray words that were written to and are no request's
     */
    record Wrong(long different, long stray) {}

    /** Use of the machine by the process so far. */
    Usage usage();
}
