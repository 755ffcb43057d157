// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.wire.node;

import io.kvlink.spi.KvLayout.Run;
import io.kvlink.spi.MemoryRegion;

/**
 * Words of {@link KvPattern} in an engine's memory: on the host by the processor, on a GPU by
 * kernels on the engine's stream. Used by the engine's thread only. Sizes and offsets are multiples
 * of 8.
 */
interface Pattern extends AutoCloseable {

    /**
     * Writes the pattern.
     *
     * @param region a layer's memory
     * @param run where to
     * @param seed which pattern; {@link KvPattern#POISON} for the one of unused memory
     * @param position the first byte's place in the pattern
     */
    void fill(MemoryRegion region, Run run, long seed, long position);

    /** Compares with the pattern; parameters as {@link #fill}. The result adds up. */
    void compare(MemoryRegion region, Run run, long seed, long position);

    /** Words of 8 bytes that have differed since the last call. */
    long differences();

    /** Waits until all that is enqueued on the engine's stream has run. */
    void settle();

    @Override
    void close();
}
