// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.djl.model.TinyCheckpoint;
import io.kvlink.djl.model.config.ModelConfig;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(60)
class LanesTest {
    private static final ModelConfig CONFIG =
            ModelConfig.parse(
                    TinyCheckpoint.random(new TinyCheckpoint.Shape(64, 96, 3, 4, 2, 16, true), 1)
                            .configJson(),
                    null);

    @ParameterizedTest
    @CsvSource({"1,1,1", "2,7,1", "2,8,2", "3,12,3", "3,11,2", "4,64,4"})
    void shouldComputeEachRowOnceInOrder(int threads, int rows, int parts) {
        Set<Thread> used = ConcurrentHashMap.newKeySet();
        CountDownLatch together = new CountDownLatch(parts);
        try (KvCachePool pool = KvCachePool.open(CONFIG, 16);
                Lanes lanes = new Lanes(threads)) {
            List<Integer> tokens =
                    lanes.run(
                            rows(pool, rows),
                            part -> {
                                used.add(Thread.currentThread());
                                together.countDown();
                                // Each part waits for the others: they are computed together.
                                await(together);
                                return part.stream().map(LogitsRow::token).toList();
                            });
            assertThat(tokens).isEqualTo(IntStream.range(0, rows).boxed().toList());
        }
        assertThat(used).hasSize(parts).contains(Thread.currentThread());
        used.remove(Thread.currentThread());
        assertThat(used).noneMatch(Thread::isAlive);
    }

    @Test
    void shouldThrowOnlyWhenNoPartIsComputedAnyMore() {
        AtomicBoolean ended = new AtomicBoolean();
        CountDownLatch failed = new CountDownLatch(1);
        try (KvCachePool pool = KvCachePool.open(CONFIG, 16);
                Lanes lanes = new Lanes(2)) {
            assertThatThrownBy(
                            () ->
                                    lanes.run(
                                            rows(pool, 8),
                                            part -> {
                                                if (part.get(0).token() == 0) {
                                                    failed.countDown();
                                                    throw new UnsupportedOperationException("0");
                                                }
                                                await(failed);
                                                ended.set(true);
                                                return List.of();
                                            }))
                    .isInstanceOf(UnsupportedOperationException.class);
            assertThat(ended).isTrue();
            assertThatThrownBy(
                            () ->
                                    lanes.run(
                                            rows(pool, 8),
                                            part -> {
                                                if (part.get(0).token() == 4) {
                                                    throw new UnsupportedOperationException("4");
                                                }
                                                return List.of();
                                            }))
                    .hasCauseInstanceOf(UnsupportedOperationException.class);
        }
    }

    private static List<LogitsRow> rows(KvCachePool pool, int count) {
        KvRun slots = pool.allocate(1);
        List<LogitsRow> rows =
                IntStream.range(0, count)
                        .mapToObj(token -> new LogitsRow(token, 0, slots, true))
                        .toList();
        slots.release();
        return rows;
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(30, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException cause) {
            throw new IllegalStateException(cause);
        }
    }
}
