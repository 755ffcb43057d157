// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.djl.engine.DecodeBatch;
import io.kvlink.djl.engine.ExactRun;
import io.kvlink.djl.engine.ModelShape;
import io.kvlink.djl.model.config.ComputeType;
import io.kvlink.djl.sampling.SampledToken;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Bits that depend on nobody else, where {@code decode_batch=exact} promises them. */
class CudaExactGpuIT {

    @TempDir private Path directory;

    @BeforeEach
    void requireGpu() {
        CudaDecoders.requireGpu();
    }

    private ExactRun open(ModelShape shape, ComputeType type, DecodeBatch batch, int maxBatch) {
        return ExactRun.open(CudaDecoders.GPU, directory, shape, type, batch, maxBatch);
    }

    @ParameterizedTest
    @CsvSource({
        "HEADS_OF_128_GROUPS_OF_4_NORMS, BFLOAT16, 64",
        "HEADS_OF_128_GROUPS_OF_12, FLOAT16, 65",
        "HEADS_OF_128_WINDOW, BFLOAT16, 33",
        "HEADS_OF_64_GROUPS_OF_7, FLOAT16, 8",
        "HEADS_OF_64_WINDOW, BFLOAT16, 64",
        "HEADS_OF_64_GROUPS_OF_12, FLOAT32, 64",
        "HEADS_OF_16, FLOAT32, 33",
        "HEADS_OF_80, BFLOAT16, 40",
        "HEADS_OF_256, FLOAT16, 16",
        "HEADS_OF_64_GROUPS_OF_1, BFLOAT16, 3",
        "HEADS_OF_96_WINDOW, FLOAT32, 1"
    })
    void shouldGiveARowTheSameBitsInBatchesOfEverySize(
            ModelShape shape, ComputeType type, int maxBatch) {
        try (ExactRun run = open(shape, type, DecodeBatch.EXACT, maxBatch)) {
            run.assertSameInBatchesOfEverySize();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "HEADS_OF_128_GROUPS_OF_8, BFLOAT16",
        "HEADS_OF_64_WINDOW, FLOAT16",
        "HEADS_OF_32_TIED, FLOAT32"
    })
    void shouldGiveTheSameBitsInAnotherInstance(ModelShape shape, ComputeType type) {
        try (ExactRun run = open(shape, type, DecodeBatch.EXACT, 16);
                ExactRun another = open(shape, type, DecodeBatch.EXACT, 16)) {
            for (int chunk : new int[] {16, 100, 2048}) {
                List<SampledToken> answers = run.answers(chunk);
                assertThat(run.batch()).hasSizeGreaterThan(6);
                assertThat(run.answers(chunk)).isEqualTo(answers);
                assertThat(another.answers(chunk)).isEqualTo(answers);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "HEADS_OF_128_GROUPS_OF_4_NORMS, BFLOAT16",
        "HEADS_OF_64_GROUPS_OF_12, FLOAT16",
        "HEADS_OF_128_WIDE_WINDOW, FLOAT32",
        "WIDE_INSIDE, BFLOAT16"
    })
    void shouldGiveTheSameCallsTheSameBitsWhenFast(ModelShape shape, ComputeType type) {
        try (ExactRun run = open(shape, type, DecodeBatch.FAST, 64)) {
            List<SampledToken> batch = run.batch();
            List<SampledToken> answers = run.answers(200);
            assertThat(run.batch()).isEqualTo(batch);
            assertThat(run.answers(200)).isEqualTo(answers);
        }
    }
}
