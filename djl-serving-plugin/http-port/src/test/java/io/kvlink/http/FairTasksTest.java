// SPDX-License-Identifier: Apache-2.0
package io.kvlink.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class FairTasksTest {

    private static final int LARGE = FairTasks.SMALL_BYTES + 1;

    private final AtomicInteger threads = new AtomicInteger();
    private final CountDownLatch gate = new CountDownLatch(1);
    private final BlockingQueue<String> done = new LinkedBlockingQueue<>();
    private final FairTasks tasks =
            new FairTasks(
                    new FairTasks.Room(8, 8L * LARGE),
                    1,
                    work -> {
                        threads.incrementAndGet();
                        Thread thread = new Thread(work, "fair");
                        thread.setDaemon(true);
                        return thread;
                    });

    @AfterEach
    void end() {
        gate.countDown();
        tasks.close();
    }

    private boolean offer(String client, long bytes, String name) {
        return tasks.offer(client, bytes, () -> done.add(name));
    }

    /** Keeps the only thread for large bodies busy. */
    private void occupy(String client) throws InterruptedException {
        CountDownLatch busy = new CountDownLatch(1);
        assertThat(
                        tasks.offer(
                                client,
                                LARGE,
                                () -> {
                                    busy.countDown();
                                    await(gate);
                                }))
                .isTrue();
        await(busy);
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(20, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException stop) {
            throw new AssertionError(stop);
        }
    }

    private String next() throws InterruptedException {
        return String.valueOf(done.poll(20, TimeUnit.SECONDS));
    }

    @Test
    void shouldDoSmallWorkBesideLargeWork() throws Exception {
        occupy("a");
        assertThat(offer("a", LARGE, "large")).isTrue();
        assertThat(offer("b", FairTasks.SMALL_BYTES, "small")).isTrue();
        assertThat(next()).isEqualTo("small");
        assertThat(offer("a", 0, "own small")).isTrue();
        assertThat(next()).isEqualTo("own small");
        gate.countDown();
        assertThat(next()).isEqualTo("large");
    }

    @Test
    void shouldLetClientsTakeTurns() throws Exception {
        occupy("x");
        for (String name : List.of("a1", "a2", "a3", "b1", "c1", "b2")) {
            assertThat(offer(name.substring(0, 1), LARGE, name)).as(name).isTrue();
        }
        gate.countDown();
        for (String name : List.of("a1", "b1", "c1", "a2", "b2", "a3")) {
            assertThat(next()).isEqualTo(name);
        }
    }

    @Test
    void shouldLeaveHalfOfTheRoomToOthers() throws Exception {
        occupy("a");
        for (int i = 0; i < 3; i++) {
            assertThat(offer("a", LARGE, "a")).isTrue();
        }
        assertThat(offer("a", 0, "a fifth task")).isFalse();
        for (int i = 0; i < 4; i++) {
            assertThat(offer("b", LARGE, "b")).isTrue();
        }
        assertThat(offer("c", 0, "a ninth task")).isFalse();
        gate.countDown();
        for (int i = 0; i < 7; i++) {
            assertThat(next()).isIn("a", "b");
        }
    }

    @Test
    void shouldTakeOneBodyThatFillsAllRoom() throws Exception {
        assertThat(offer("a", 8L * LARGE + 1, "more than all")).isFalse();
        assertThat(offer("a", 8L * LARGE, "all")).isTrue();
        assertThat(next()).isEqualTo("all");
    }

    @Test
    void shouldBoundBytes() throws Exception {
        occupy("a");
        assertThat(offer("a", 3L * LARGE, "half")).isTrue();
        assertThat(offer("a", 1, "one byte more")).isFalse();
        assertThat(offer("b", 4L * LARGE, "the other half")).isTrue();
        assertThat(offer("c", 1, "more")).isFalse();
        gate.countDown();
        assertThat(next()).isEqualTo("half");
    }

    @Test
    void shouldHaveThreadsOnlyForWork() throws Exception {
        assertThat(threads).hasValue(0);
        assertThat(offer("a", 0, "small")).isTrue();
        assertThat(next()).isEqualTo("small");
        assertThat(threads).hasValue(1);
        tasks.close();
        assertThat(offer("a", 0, "late")).isFalse();
    }

    @Test
    void shouldSurviveAnError() throws Exception {
        assertThat(
                        tasks.offer(
                                "a",
                                0,
                                () -> {
                                    throw new Error("meant");
                                }))
                .isTrue();
        long endNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        do {
            assertThat(System.nanoTime()).isLessThan(endNs);
            assertThat(offer("b", 0, "next")).isTrue();
        } while (!"next".equals(done.poll(1, TimeUnit.SECONDS)));
    }
}
