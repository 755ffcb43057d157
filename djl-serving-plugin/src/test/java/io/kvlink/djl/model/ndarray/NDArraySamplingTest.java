// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import ai.djl.Device;
import io.kvlink.djl.engine.Decoders;
import io.kvlink.djl.engine.SamplingRun;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tokens that are picked on the host, through the engine's port. */
class NDArraySamplingTest {
    @TempDir private Path directory;
    private SamplingRun run;

    @BeforeEach
    void open() {
        run = SamplingRun.open(new Decoders(Device.cpu(), NDArrayDecoder::open), directory);
    }

    @AfterEach
    void close() {
        run.close();
    }

    @Test
    void shouldDrawEachTokenAsOftenAsItIsLikely() {
        run.assertDistributions(4_000);
    }

    @Test
    void shouldPickWhatTheSamplerPicks() {
        run.assertAnswersOfTheHost();
    }

    @Test
    void shouldRepeatAnswersOfASeed() {
        run.assertSeeds();
    }
}
