// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

import io.kvlink.djl.engine.SamplingRun;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tokens that are picked on the device. */
class CudaSamplingGpuIT {
    @TempDir private Path directory;
    private SamplingRun run;

    @BeforeEach
    void open() {
        CudaDecoders.requireGpu();
        run = SamplingRun.open(CudaDecoders.GPU, directory);
    }

    @AfterEach
    void close() {
        if (run != null) {
            run.close();
        }
    }

    @Test
    void shouldDrawEachTokenAsOftenAsItIsLikely() {
        run.assertDistributions(20_000);
    }

    @Test
    void shouldPickWhatTheHostsSamplerPicks() {
        run.assertAnswersOfTheHost();
    }

    @Test
    void shouldRepeatAnswersOfASeed() {
        run.assertSeeds();
    }
}
