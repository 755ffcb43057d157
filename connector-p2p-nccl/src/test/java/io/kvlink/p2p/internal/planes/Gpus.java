// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.planes;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.kvlink.p2p.internal.cuda.JavaCppDevice;

/** Lets a test run only where there are GPUs; elsewhere it is skipped with the reason. */
public final class Gpus {

    private Gpus() {}

    /**
     * Skips the test unless this process sees GPUs.
     *
     * @param atLeast how many
     */
    public static void assume(int atLeast) {
        String missing = GpuProbe.ofThisMachine().missingForCuda();
        assumeTrue(missing.isEmpty(), missing);
        int gpus = JavaCppDevice.count();
        assumeTrue(gpus >= atLeast, "%d GPUs; needs %d".formatted(gpus, atLeast));
    }
}
