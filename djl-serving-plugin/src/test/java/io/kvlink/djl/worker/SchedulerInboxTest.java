// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class SchedulerInboxTest {

    @Test
    void shouldNotRestAfterAWakeThatCameBefore() {
        SchedulerInbox inbox = new SchedulerInbox(1);
        inbox.wake();
        long start = System.nanoTime();
        inbox.await(TimeUnit.SECONDS.toNanos(30));
        assertThat(System.nanoTime() - start).isLessThan(TimeUnit.SECONDS.toNanos(20));
    }

    @Test
    void shouldLoseNoWake() throws InterruptedException {
        SchedulerInbox ping = new SchedulerInbox(1);
        SchedulerInbox pong = new SchedulerInbox(1);
        AtomicInteger ball = new AtomicInteger();
        int rounds = 2000;
        // Each side waits for the other's step, so one lost wake costs the whole deadline.
        Thread other = new Thread(() -> play(pong, ping, ball, 1, rounds), "other");
        other.start();
        long start = System.nanoTime();
        play(ping, pong, ball, 0, rounds);
        other.join(TimeUnit.SECONDS.toMillis(50));
        assertThat(ball).hasValue(2 * rounds);
        assertThat(System.nanoTime() - start).isLessThan(TimeUnit.SECONDS.toNanos(30));
    }

    private static void play(
            SchedulerInbox mine, SchedulerInbox theirs, AtomicInteger ball, int side, int rounds) {
        for (int round = 0; round < rounds; round++) {
            while (ball.get() % 2 != side) {
                mine.await(TimeUnit.SECONDS.toNanos(30));
            }
            ball.incrementAndGet();
            theirs.wake();
        }
    }

    @Test
    void shouldCountThoseThatWait() {
        SchedulerInbox inbox = new SchedulerInbox(1);
        Sequence sequence = waiting();
        assertThat(inbox.offer(sequence)).isEqualTo(SchedulerInbox.Verdict.ACCEPTED);
        assertThat(inbox.arrivals()).containsExactly(sequence);
        assertThat(inbox.offer(waiting())).isEqualTo(SchedulerInbox.Verdict.FULL);
        inbox.addWaiting(-1);
        assertThat(inbox.offer(waiting())).isEqualTo(SchedulerInbox.Verdict.ACCEPTED);
        inbox.addWaiting(-1);
        inbox.close();
        assertThat(inbox.offer(waiting())).isEqualTo(SchedulerInbox.Verdict.CLOSED);
        assertThat(inbox.arrivals()).hasSize(1);
    }

    private static Sequence waiting() {
        return Sequences.waiting(1, 2);
    }
}
