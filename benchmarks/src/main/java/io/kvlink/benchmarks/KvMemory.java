// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks;

import io.kvlink.spi.KvDevice;
import io.kvlink.spi.MemoryRegion;
import java.util.List;
import java.util.Optional;

/**
 * An engine's KV memory, on the host or on a GPU, which can be filled with a pattern and compared
 * with it. Used by the engine's thread only; on a GPU all is enqueued on the engine's stream.
 */
interface KvMemory extends AutoCloseable {

    /** One region a layer, of equal size. */
    List<MemoryRegion> layers();

    /** The GPU, if the memory is one's. */
    Optional<KvDevice> device();

    /**
     * Writes the pattern.
     *
     * @param layer the layer, from 0
     * @param offset first byte in the layer's region, a multiple of 8
     * @param bytes how many, a multiple of 8
     * @param seed which pattern; {@link KvPattern#POISON} for the one of unused memory
     * @param position the first byte's place in the pattern, a multiple of 8
     */
    void fill(int layer, long offset, long bytes, long seed, long position);

    /** Compares with the pattern; parameters as {@link #fill}. The result adds up. */
    void compare(int layer, long offset, long bytes, long seed, long position);

    /** Number of words of 8 bytes that have differed since the last call. */
    long differences();

    /** Waits until all that is enqueued on the engine's stream has run. */
    void settle();

    @Override
    void close();
}
