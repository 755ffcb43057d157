// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.Device;
import io.kvlink.cuda.Gpu;
import io.kvlink.djl.cuda.blas.Cublas;
import io.kvlink.djl.engine.Decoders;

/** CUDA decoders on the first GPU, for tests. */
final class CudaDecoders {
    static final Decoders GPU = new Decoders(Device.gpu(0), CudaModels::open);

    private CudaDecoders() {}

    /** Skips a test with the reason where there is no such GPU or library. */
    static void requireGpu() {
        assumeTrue(Gpu.availability().ready(), Gpu.availability().reason());
        assumeTrue(Cublas.availability().ready(), Cublas.availability().reason());
    }
}
