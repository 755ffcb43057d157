// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.djl.engine.DecodeBatch;
import io.kvlink.djl.engine.DecodeSettings;
import io.kvlink.djl.engine.LayerHook;
import io.kvlink.djl.model.TinyCheckpoint;
import io.kvlink.djl.model.config.ComputeType;
import io.kvlink.djl.model.config.ModelConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HeapShareTest {
    private static final TinyCheckpoint.Shape SHAPE =
            new TinyCheckpoint.Shape(48, 64, 2, 3, 3, 16, false);
    // Of each layer q, k, v and out, then gate, up and down; of the whole the head.
    private static final long WEIGHTS =
            Float.BYTES
                    * (2L * (4 * 48 * 48 + 3 * 48 * 64)
                            + (long) TinyCheckpoint.Shape.VOCABULARY * 48);

    @TempDir private Path directory;

    @Test
    void shouldGiveNoMoreThanItHas() {
        HeapShare share = new HeapShare(10);
        HeapShare.Lease first = share.lease();
        HeapShare.Lease second = share.lease();
        assertThat(first.take(6)).isTrue();
        assertThat(second.take(5)).isFalse();
        assertThat(second.take(3)).isTrue();
        assertThat(first.take(1)).isTrue();
        assertThat(second.take(1)).isFalse();
        assertThat(share.free()).isZero();
        first.close();
        assertThat(share.free()).isEqualTo(7);
        first.close();
        assertThat(share.free()).isEqualTo(7);
        assertThat(second.take(7)).isTrue();
        second.close();
        assertThat(share.free()).isEqualTo(10);
    }

    @Test
    void shouldBeAQuarterOfTheHeapForTheWholeProcess() {
        long quarter = Runtime.getRuntime().maxMemory() / 4;
        long before = HeapShare.OF_PROCESS.free();
        // Whoever else is loaded in this process has some of it.
        assertThat(before).isBetween(1L, quarter);
        try (HeapShare.Lease lease = HeapShare.OF_PROCESS.lease()) {
            assertThat(lease.take(quarter + 1)).isFalse();
            assertThat(lease.take(before)).isTrue();
            assertThat(HeapShare.OF_PROCESS.free()).isZero();
        }
    }

    @Test
    void shouldGiveEachByteOnceToThreadsThatWantAll() throws Exception {
        HeapShare share = new HeapShare(1000);
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try {
            List<Callable<Integer>> takers = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                HeapShare.Lease lease = share.lease();
                takers.add(
                        () -> {
                            int taken = 0;
                            while (lease.take(1)) {
                                taken++;
                            }
                            return taken;
                        });
            }
            int taken = 0;
            for (Future<Integer> taker : threads.invokeAll(takers, 20, TimeUnit.SECONDS)) {
                taken += taker.get();
            }
            assertThat(taken).isEqualTo(1000);
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    void shouldBeTakenByDecodersUntilTheyAreClosed() throws IOException {
        Path model = TinyCheckpoint.random(SHAPE, 1).write(directory, "F32");
        ModelConfig config = ModelConfig.read(model);
        HeapShare share = new HeapShare(WEIGHTS);
        try (KvCachePool pool = KvCachePool.open(config, 64)) {
            NDArrayDecoder first = load(model, config, pool, share);
            assertThat(share.free()).isZero();
            try (NDArrayDecoder second = load(model, config, pool, share)) {
                assertThat(share.free()).isZero();
                // Without a share of the heap it computes the same bits, in more rows. On a
                // processor where other counts agree then, it promises nothing.
                if (first.batchRows().replace("[1, ", "[").equals(second.batchRows())) {
                    assertThat(logits(second, pool)).containsExactly(logits(first, pool));
                }
            }
            assertThat(share.free()).isZero();
            first.close();
            assertThat(share.free()).isEqualTo(WEIGHTS);
            first.close();
            assertThat(share.free()).isEqualTo(WEIGHTS);
        }
    }

    @Test
    void shouldGetBackWhatAFailedLoadHasTaken() throws IOException {
        Path model = TinyCheckpoint.random(SHAPE, 2).write(directory, "F32");
        ModelConfig config = ModelConfig.read(model);
        HeapShare share = new HeapShare(WEIGHTS);
        try (KvCachePool pool = KvCachePool.open(config, 64)) {
            KvSlots all = pool.allocate(64);
            // This is found out when the weights have been read and copied.
            assertThatThrownBy(() -> load(model, config, pool, share))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("the pool is full");
            assertThat(share.free()).isEqualTo(WEIGHTS);
            all.release();
            load(model, config, pool, share).close();
            assertThat(share.free()).isEqualTo(WEIGHTS);
        }
    }

    @Test
    void shouldNotBeTakenByWeightsThatAreNotCopied() throws IOException {
        Path model = TinyCheckpoint.random(SHAPE, 3).write(directory, "F32");
        ModelConfig wide = ModelConfig.read(model);
        ModelConfig narrow = wide.computedIn(ComputeType.FLOAT16);
        HeapShare share = new HeapShare(WEIGHTS);
        try (KvCachePool pool = KvCachePool.open(narrow, 64);
                NDArrayDecoder decoder = load(model, narrow, pool, share)) {
            assertThat(share.free()).isEqualTo(WEIGHTS);
            assertThat(decoder.maxBatch()).isPositive();
        }
        DecodeSettings off = new DecodeSettings(DecodeBatch.OFF, 64, 1);
        try (KvCachePool pool = KvCachePool.open(wide, 64);
                NDArrayDecoder decoder =
                        NDArrayDecoder.load(model, wide, pool, off, share, count -> true)) {
            assertThat(share.free()).isEqualTo(WEIGHTS);
            assertThat(decoder.maxBatch()).isEqualTo(1);
        }
    }

    private static NDArrayDecoder load(
            Path model, ModelConfig config, KvCachePool pool, HeapShare share) {
        return NDArrayDecoder.load(
                model, config, pool, DecodeSettings.DEFAULT, share, count -> true);
    }

    /** Of a lone token. */
    private static float[] logits(NDArrayDecoder decoder, KvCachePool pool) {
        KvSlots slots = pool.allocate(1);
        try {
            return decoder.decode(List.of(new DecodeRow(5, 0, slots, true)), LayerHook.NONE).get(0);
        } finally {
            slots.release();
        }
    }
}
