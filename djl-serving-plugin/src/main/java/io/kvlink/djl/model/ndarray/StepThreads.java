// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import io.kvlink.djl.model.config.ModelConfig;
import io.kvlink.djl.tensor.LibraryThreads;

/**
 * How many of libtorch's threads a decode step is computed on: one, where the matrices are so small
 * that waking the others costs more than they save. Any thread; it sets the caller's.
 *
 * @param step for a decode step
 * @param all for everything else: as many as there were when the model was loaded
 */
record StepThreads(int step, int all) {
    /** Numbers of a layer's largest matrix from which a product of few rows has work for all. */
    private static final long LARGE = 1 << 24;

    static StepThreads of(ModelConfig config, int all) {
        long largest = 2L * config.intermediateSize() * config.hiddenSize();
        return new StepThreads(largest < LARGE ? 1 : all, all);
    }

    /** The caller computes a decode step from now on. */
    void begin() {
        use(step);
    }

    /** The caller's step has ended. */
    void end() {
        use(all);
    }

    private void use(int count) {
        if (step != all) {
            LibraryThreads.use(count);
        }
    }
}
