// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import io.kvlink.cuda.Gpu;
import io.kvlink.djl.engine.DecodeBatch;
import io.kvlink.djl.engine.DecodeSettings;
import io.kvlink.djl.engine.Decoder;
import io.kvlink.djl.engine.DecoderSpec;
import io.kvlink.djl.engine.KvMemory;
import io.kvlink.djl.engine.SlotRun;
import io.kvlink.djl.engine.TokenFeed;
import io.kvlink.djl.model.TinyCheckpoint;
import io.kvlink.djl.model.TinyCheckpoint.Shape;
import io.kvlink.djl.model.config.ComputeType;
import io.kvlink.djl.model.config.ModelConfig;
import io.kvlink.djl.model.config.ModelLoadException;
import io.kvlink.djl.sampling.SamplingParams;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Device memory that decoders take and give back. */
class CudaMemoryGpuIT {
    private static final int ROUNDS = 10;
    private static final long SLACK = 2 << 20;
    private static final Shape SHAPE = new Shape(64, 96, 2, 16, 8, 128, false);
    private static final DecodeSettings SETTINGS = new DecodeSettings(DecodeBatch.FAST, 64, 1);
    private static final SamplingParams PENALISED =
            new SamplingParams(1, .9, 20, 0, 1.1, .5, .5, Map.of(3, 1f), 5, 1);

    @TempDir private Path directory;
    private Gpu device;
    private long totalBytes;
    private ModelConfig model;

    @BeforeEach
    void open() throws IOException {
        CudaDecoders.requireGpu();
        device = Gpu.open(0);
        totalBytes = device.totalBytes();
        TinyCheckpoint.random(SHAPE, 2).write(directory, "BF16");
        model = ModelConfig.read(directory).computedIn(ComputeType.BFLOAT16);
    }

    @AfterEach
    void close() {
        if (device != null) {
            device.close();
        }
    }

    /** A decoder that is closed leaves the thread without a device. */
    private long freeBytes() {
        device.attach();
        return device.freeBytes();
    }

    private Decoder open(OptionalInt kvTokens, double utilization) {
        return CudaModels.open(
                new DecoderSpec(
                        directory,
                        model,
                        CudaDecoders.GPU.device(),
                        SETTINGS,
                        64,
                        512,
                        kvTokens,
                        utilization));
    }

    private void openAnswerAndClose() {
        try (Decoder decoder = open(OptionalInt.of(1 << 16), .9)) {
            int[] tokens = new Random(1).ints(60, 0, model.vocabSize()).toArray();
            try (TokenFeed feed = new TokenFeed(decoder, PENALISED, tokens)) {
                feed.prefill(50, 20);
                while (feed.left() > 0) {
                    assertThat(feed.decode().id()).isNotNegative();
                }
            }
        }
    }

    @Test
    void shouldLeaveTheDeviceAsItWas() {
        openAnswerAndClose();
        long free = freeBytes();
        for (int round = 1; round < ROUNDS; round++) {
            openAnswerAndClose();
            assertThat(freeBytes()).as("round %d", round).isCloseTo(free, within(SLACK));
        }
    }

    /** The first layer has room, the second has none. */
    @Test
    void shouldNameTheKnobsWhenMemoryDoesNotSuffice() {
        openAnswerAndClose();
        long free = freeBytes();
        OptionalInt tokens = OptionalInt.of((int) (1.5 * free / bytesOfToken()));
        for (int round = 0; round < 3; round++) {
            assertThatThrownBy(() -> open(tokens, .9))
                    .isInstanceOf(ModelLoadException.class)
                    .hasMessageContaining("option.kv_cache_tokens")
                    .hasMessageContaining("option.gpu_memory_utilization");
            assertThat(freeBytes()).isCloseTo(free, within(SLACK));
        }
        openAnswerAndClose();
    }

    @Test
    void shouldTakeItsShareOfTheDevice() {
        openAnswerAndClose();
        long free = freeBytes();
        long small = totalTokens(.2, free);
        long large = totalTokens(.5, free);
        assertThat((double) (large - small) * bytesOfToken())
                .isCloseTo(.3 * totalBytes, withinPercentage(1));
        assertThat(freeBytes()).isCloseTo(free, within(SLACK));
        assertThatThrownBy(() -> open(OptionalInt.empty(), 1e-6))
                .isInstanceOf(ModelLoadException.class)
                .hasMessageContaining("gpu_memory_utilization=1.0E-6");
        assertThat(freeBytes()).isCloseTo(free, within(SLACK));
    }

    private long totalTokens(double utilization, long free) {
        try (Decoder decoder = open(OptionalInt.empty(), utilization)) {
            double taken = free - freeBytes();
            assertThat(taken).isLessThanOrEqualTo(utilization * totalBytes + SLACK);
            return (long) decoder.memory().totalBlocks() * KvMemory.BLOCK_TOKENS;
        }
    }

    private long bytesOfToken() {
        return 2L * Short.BYTES * model.layers() * model.kvHeads() * model.headDim();
    }

    @Test
    void shouldGetBackWhatWasTaken() {
        try (SlotRun run = SlotRun.open(CudaDecoders.GPU, directory)) {
            run.assertThatAllComesBack();
        }
    }

    @Test
    void shouldKeepKvThatIsCopiedOrGrows() {
        try (SlotRun run = SlotRun.open(CudaDecoders.GPU, directory)) {
            run.assertThatKvIsKept();
        }
    }
}
