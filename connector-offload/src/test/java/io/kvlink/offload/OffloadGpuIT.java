// SPDX-License-Identifier: Apache-2.0
package io.kvlink.offload;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.kvlink.cuda.Gpu;
import io.kvlink.spi.KvRole;
import io.kvlink.tck.KvMemory;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Every rule for stores with KV in a GPU's memory, and the churn with a slow stream. */
final class OffloadGpuIT extends OffloadSuite {

    @BeforeAll
    static void needsAGpu() {
        assumeTrue(Gpu.availability().ready(), Gpu.availability().reason());
    }

    @Override
    protected KvMemory memory(KvRole role) {
        return new GpuKvMemory();
    }

    @Test
    void shouldLoadRightBytesThoughNothingWaitsForTheStreams() {
        Churn.run(new PooledProvider(), new GpuKvMemory());
    }
}
