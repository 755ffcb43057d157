// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import io.kvlink.djl.engine.DecodeBatch;
import io.kvlink.djl.engine.Decoders;
import io.kvlink.djl.engine.ExactRun;
import io.kvlink.djl.engine.ModelShape;
import io.kvlink.djl.model.config.ComputeType;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Bits that depend on nobody else, through the engine's port. */
class NDArrayExactTest {
    private static final Decoders CPU = new Decoders(Device.cpu(), NDArrayDecoder::open);

    @TempDir private Path directory;

    private ExactRun open(DecodeBatch batch) {
        return ExactRun.open(
                CPU, directory, ModelShape.HEADS_OF_64_GROUPS_OF_4, ComputeType.FLOAT32, batch, 8);
    }

    @Test
    void shouldGiveARowTheSameBitsInBatchesOfEverySize() {
        try (ExactRun run = open(DecodeBatch.EXACT)) {
            run.assertSameInBatchesOfEverySize();
        }
    }

    @Test
    void shouldGiveTheSameBitsInAnotherInstance() {
        try (ExactRun run = open(DecodeBatch.EXACT);
                ExactRun another = open(DecodeBatch.EXACT)) {
            assertThat(another.answers(100)).isEqualTo(run.answers(100));
        }
    }

    @Test
    void shouldGiveTheSameCallsTheSameBitsWhenFast() {
        try (ExactRun run = open(DecodeBatch.FAST)) {
            assertThat(run.batch()).isEqualTo(run.batch());
        }
    }
}
