// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

import io.kvlink.djl.engine.ModelShape;
import io.kvlink.djl.engine.ShapeRun;
import io.kvlink.djl.model.config.ComputeType;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The kernels of each shape and type, in batches of every size. */
class CudaShapesGpuIT {
    private static final int MOST = 65;
    private static final int FEW = 3;
    // On the CPU the NDArray decoder is off by .085 at most; in float16 by .014, in float32 by
    // 4e-5.
    private static final double BFLOAT16_TOLERANCE = .2;

    @TempDir private Path directory;

    @BeforeEach
    void requireGpu() {
        CudaDecoders.requireGpu();
    }

    @ParameterizedTest
    @EnumSource
    void shouldPickAsTheReferenceInFloat32(ModelShape shape) {
        assertPicks(shape, ComputeType.FLOAT32, 1e-4);
    }

    @ParameterizedTest
    @EnumSource
    void shouldComeCloseInFloat16(ModelShape shape) {
        assertPicks(shape, ComputeType.FLOAT16, .03);
    }

    @ParameterizedTest
    @EnumSource
    void shouldComeCloseInBfloat16(ModelShape shape) {
        assertPicks(shape, ComputeType.BFLOAT16, BFLOAT16_TOLERANCE);
    }

    /** Batches that have few counts of rows. */
    @ParameterizedTest
    @EnumSource
    void shouldComeCloseInSmallBatches(ModelShape shape) {
        ShapeRun.assertPicks(
                CudaDecoders.GPU, directory, shape, ComputeType.BFLOAT16, FEW, BFLOAT16_TOLERANCE);
    }

    private void assertPicks(ModelShape shape, ComputeType type, double tolerance) {
        ShapeRun.assertPicks(CudaDecoders.GPU, directory, shape, type, MOST, tolerance);
    }
}
