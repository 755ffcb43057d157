// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

/**
 * Copies many runs of bytes with few kernel launches: for runs too short for the copy engine. Made
 * by a {@link CudaDevice}; one thread at a time.
 */
public interface RunCopier extends AutoCloseable {

    /** Number of blocks of threads that fills a GPU and doesn't crowd others out. */
    int WIDE = 256;

    /**
     * Number of blocks of threads for a copy that leaves arriving bytes their bandwidth. A copy at
     * full speed takes an eighth of NCCL's. This many keep up with a wire between GPUs, which 8 do
     * not.
     */
    int NARROW = 16;

    /**
     * Adds a run. Enqueues some if there are many.
     *
     * @param source address of the first byte, of this device, of a mapped one, or of locked host
     *     memory
     * @param destination likewise
     * @param bytes how many, at least 1
     * @param stream where to enqueue
     */
    void add(long source, long destination, long bytes, CudaStream stream);

    /**
     * Enqueues what was added and isn't enqueued yet.
     *
     * @param stream the same as before
     */
    void flush(CudaStream stream);

    /** Gives the copier's own memory back. Enqueued copies run all the same. */
    @Override
    void close();
}
