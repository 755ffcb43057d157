// SPDX-License-Identifier: Apache-2.0
package io.kvlink.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.spi.BlockHash;
import io.kvlink.spi.KvEvent;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Bounds of the store's small parts. */
@Timeout(60)
final class StorePartsTest {

    @Test
    void shouldGiveBackWhatTheHeapDoesNotHave() {
        AtomicInteger asked = new AtomicInteger();
        ByteBudget budget =
                new ByteBudget(
                        100,
                        size -> {
                            if (asked.incrementAndGet() == 2) {
                                throw new OutOfMemoryError("Java heap space");
                            }
                            return ByteBuffer.allocate(size);
                        });
        assertThat(budget.tryAllocate(40)).isNotNull();
        assertThat(budget.tryAllocate(40)).as("the heap is full").isNull();
        assertThat(budget.bytes()).isEqualTo(40);
        assertThat(budget.leases()).isEqualTo(1);
        assertThat(budget.tryAllocate(60)).isNotNull();
        assertThat(budget.tryAllocate(1)).as("the limit").isNull();
    }

    @Test
    void shouldKeepEventsOfSoManyBlocks() {
        EventLog events = new EventLog(16);
        List<BlockHash> group = hashes(EventLog.MOST_BLOCKS / 4);
        for (int i = 0; i < 9; i++) {
            events.onStored(group);
        }
        events.onRemoved(group.subList(0, 1));
        List<KvEvent> kept = events.take();
        assertThat(kept).hasSize(4);
        assertThat(kept.get(3).kind()).as("the newest").isEqualTo(KvEvent.Kind.REMOVED);
        List<BlockHash> many = hashes(EventLog.MOST_BLOCKS + 1);
        events.onStored(many);
        assertThat(events.take())
                .singleElement()
                .satisfies(
                        event ->
                                assertThat(event.blocks()).isEqualTo(many.subList(1, many.size())));
        events.onStored(group);
        assertThat(events.take()).as("counted anew").hasSize(1);
    }

    @Test
    void shouldDropWhatHasNotBegunWhenThreadsEnd() throws InterruptedException {
        StoreThreads threads = new StoreThreads("kv-store-test", 1);
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch never = new CountDownLatch(1);
        List<String> seen = new ArrayList<>();
        threads.execute(
                () -> {
                    begun.countDown();
                    try {
                        never.await();
                    } catch (InterruptedException cause) {
                        Thread.currentThread().interrupt();
                    }
                },
                () -> seen.add("first"));
        assertThat(begun.await(20, TimeUnit.SECONDS)).isTrue();
        threads.execute(() -> seen.add("run"), () -> seen.add("second"));
        threads.finish(Duration.ZERO);
        threads.execute(() -> seen.add("run"), () -> seen.add("third"));
        assertThat(seen).containsExactly("second", "third");
    }

    private static List<BlockHash> hashes(int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> new BlockHash("%064x".formatted(i)))
                .toList();
    }
}
