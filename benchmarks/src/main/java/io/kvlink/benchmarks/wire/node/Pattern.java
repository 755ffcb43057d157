// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.wire.node;

import io.kvlink.spi.KvLayout.Run;
import io.kvlink.spi.MemoryRegion;

/**
 * Random words by seed and place in an engine's memory, so that contents can be checked where they
 * arrive without the original. On the host the processor writes and compares, on a GPU the kernels
 * of {@code bytes.cu} on the engine's stream. Used by the engine's thread only. Sizes and offsets
 * are multiples of 8.
 */
interface Pattern extends AutoCloseable {

    /** The seed of memory that nothing has been written to. */
    long POISON = 0;

    /**
     * Eight bytes of the pattern.
     *
     * @param seed which pattern
     * @param index which word, from 0
     */
    static long word(long seed, long index) {
        if (seed == POISON) {
            return 0xE5E5E5E5E5E5E5E5L;
        }
        long z = seed + (index + 1) * 0x9E3779B97F4A7C15L;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }

    /**
     * Writes the pattern.
     *
     * @param region a layer's memory
     * @param run where to
     * @param seed which pattern; {@link #POISON} for the one of unused memory
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
