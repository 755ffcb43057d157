// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks;

import io.kvlink.spi.BlockTable;
import io.kvlink.spi.KvLayout;

/**
 * Known content of an engine's blocks. A byte's place in the pattern is its place in the request,
 * so both ends agree on it however their blocks lie.
 */
record KvContents(KvLayout layout, KvMemory memory) {

    private interface PerRun {
        void accept(int layer, KvLayout.Run run, long position);
    }

    /** Marks all memory as never written to. */
    void poison() {
        for (int layer = 0; layer < layout.layers(); layer++) {
            memory.fill(layer, 0, regionBytes(), KvPattern.POISON, 0);
        }
        memory.settle();
    }

    /** Fills the blocks of a request's tokens. */
    void fill(BlockTable blocks, int tokens, long seed) {
        each(
                blocks,
                tokens,
                (layer, run, position) ->
                        memory.fill(layer, run.offset(), run.bytes(), seed, position));
        memory.settle();
    }

    /**
     * Number of words of 8 bytes of a request's tokens that differ from those that {@link #fill}
     * wrote.
     */
    long differences(BlockTable blocks, int tokens, long seed) {
        each(
                blocks,
                tokens,
                (layer, run, position) ->
                        memory.compare(layer, run.offset(), run.bytes(), seed, position));
        return memory.differences();
    }

    /** Number of words of 8 bytes, in all memory, that were written to since {@link #poison}. */
    long written() {
        for (int layer = 0; layer < layout.layers(); layer++) {
            memory.compare(layer, 0, regionBytes(), KvPattern.POISON, 0);
        }
        return memory.differences();
    }

    private long regionBytes() {
        return memory.layers().get(0).bytes();
    }

    private void each(BlockTable blocks, int tokens, PerRun work) {
        long position = 0;
        for (int layer = 0; layer < layout.layers(); layer++) {
            for (KvLayout.Run run : layout.runs(blocks, 0, tokens, regionBytes())) {
                work.accept(layer, run, position);
                position += run.bytes();
            }
        }
    }
}
