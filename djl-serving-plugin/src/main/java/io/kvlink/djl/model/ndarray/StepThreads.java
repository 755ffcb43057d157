// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import ai.djl.pytorch.jni.JniUtils;
import io.kvlink.djl.engine.DecodeBatch;
import io.kvlink.djl.model.config.ModelConfig;
import io.kvlink.djl.tensor.LibraryThreads;
import java.util.function.Supplier;

/**
 * Shares of libtorch's threads that parts of a decode step take. The parts of a small model's batch
 * are computed at the same time, each on its share. Prompts take all. Any thread.
 *
 * @param shared a step may be cut into parts
 * @param all as many as there were when the model was loaded
 */
record StepThreads(boolean shared, int all) {
    /** Numbers of a layer's largest matrix from which a product of few rows has work for all. */
    private static final long LARGE = 1 << 24;

    /** Threads that cost a lone row of a small model more to wake than they save. */
    private static final int FEW = 2;

    /**
     * Shares for a model. Bits of {@code exact} would depend on them, so there each step has all.
     *
     * @param all libtorch's threads on a CPU, 1 on a GPU
     */
    static StepThreads of(ModelConfig config, DecodeBatch batch, int all) {
        long largest = 2L * config.intermediateSize() * config.hiddenSize();
        boolean shared =
                batch != DecodeBatch.EXACT
                        && all > 1
                        && largest < LARGE
                        && LibraryThreads.availability().ready();
        return new StepThreads(shared, all);
    }

    /** Number of {@code wanted} parts that are of use: one where each product has all threads. */
    int lanes(int wanted) {
        return all == 1 || shared ? wanted : 1;
    }

    /** Threads of one of so many parts. */
    int share(int parts) {
        if (!shared) {
            return all;
        }
        return parts > 1 ? Math.max(1, all / parts) : all > FEW ? all : 1;
    }

    /** Computes one of so many parts of a step on the calling thread, with its share. */
    <T> T step(int parts, Supplier<T> work) {
        if (!shared) {
            return work.get();
        }
        // Libtorch sets a thread's number when it is first asked for, and never again.
        JniUtils.getNumThreads();
        LibraryThreads.use(share(parts));
        try {
            return work.get();
        } finally {
            LibraryThreads.use(all);
        }
    }
}
