// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.planes;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.kvlink.p2p.internal.cuda.DriverDevice;
import io.kvlink.spi.KvRole;

/**
 * GPUs of the tests: producers on the first, consumers on the second. A test without enough GPUs is
 * skipped with the reason.
 */
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
        int gpus = DriverDevice.count();
        assumeTrue(gpus >= atLeast, "%d GPUs; needs %d".formatted(gpus, atLeast));
    }

    /** Ordinal of an engine's GPU: the second one is the first where there is no other. */
    public static int of(KvRole role) {
        return role.consumes() && DriverDevice.count() > 1 ? 1 : 0;
    }
}
