// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks;

import java.util.List;

/** Commands to an engine of another process, done by that engine's thread. */
interface EngineApi {

    /** The process's clock. */
    long clock();

    /** Number of GPUs that the process sees; 0 without driver or bindings. */
    int gpus();

    /** Description of a GPU and its software. */
    String gpuFacts(int ordinal, boolean nccl) throws Exception;

    /** Takes memory. */
    void take(Node.Shape shape);

    /** Gives connector and memory back. */
    void giveBack() throws Exception;

    /** Opens a connector: its address. */
    String connect(Setup setup, long bufferBytes, double poolGib);

    /** Closes the connector. */
    void disconnect();

    /** Prefill steps, the first at a moment of the engine's clock. */
    WireEngine.Sent send(List<List<Hop>> steps, long atNs);

    /** Loads; has begun once the connector expects all. */
    WireEngine.Received receive(List<Hop> hops);

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
