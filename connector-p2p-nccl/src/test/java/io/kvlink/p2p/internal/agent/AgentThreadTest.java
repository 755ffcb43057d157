// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class AgentThreadTest {

    private static final long DEADLINE_NS = TimeUnit.SECONDS.toNanos(30);

    private final AtomicLong nowNs = new AtomicLong(1);

    /** Does one thing in each portion of work; waits for nothing. */
    private record Doing(Runnable work) implements Agent {
        @Override
        public int doWork(long nowNs) {
            work.run();
            return 1;
        }

        @Override
        public void idle(long maxNs) {}

        @Override
        public void wakeup() {}

        @Override
        public void onClose() {}
    }

    private AgentThread started(Runnable work) {
        AgentThread thread = new AgentThread("kv-test-agent", new Doing(work), nowNs::get);
        thread.start();
        return thread;
    }

    private static boolean ended(AgentThread thread, AtomicLong clock) {
        return thread.join(clock.get() + DEADLINE_NS);
    }

    @Test
    void shouldHaveNoFaultWhileItTurns() throws InterruptedException {
        CountDownLatch turns = new CountDownLatch(3);
        AgentThread thread =
                started(
                        () -> {
                            turns.countDown();
                            Thread.onSpinWait();
                        });
        assertThat(turns.await(30, TimeUnit.SECONDS)).isTrue();
        assertThat(thread.fault()).isEmpty();
        thread.stop();
        assertThat(ended(thread, nowNs)).isTrue();
    }

    @Test
    void shouldNameWhatEndedIt() {
        AgentThread thread =
                started(
                        () -> {
                            throw new OutOfMemoryError("made by the test");
                        });
        assertThat(ended(thread, nowNs)).isTrue();
        assertThat(thread.fault())
                .contains(
                        "thread=kv-test-agent has ended: java.lang.OutOfMemoryError: made by the test");
    }

    @Test
    void shouldSaySoWhenItStandsStill() throws InterruptedException {
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch gate = new CountDownLatch(1);
        AgentThread thread =
                started(
                        () -> {
                            inside.countDown();
                            await(gate);
                        });
        await(inside);
        assertThat(thread.fault()).isEmpty();
        nowNs.addAndGet(TimeUnit.SECONDS.toNanos(12));
        assertThat(thread.fault()).contains("thread=kv-test-agent stands still for 12 s");
        thread.stop();
        gate.countDown();
        assertThat(ended(thread, nowNs)).isTrue();
    }

    @Test
    void shouldSurviveWhatOnePortionThrows() throws InterruptedException {
        CountDownLatch turns = new CountDownLatch(3);
        AgentThread thread =
                started(
                        () -> {
                            turns.countDown();
                            throw new IllegalStateException("made by the test");
                        });
        assertThat(turns.await(30, TimeUnit.SECONDS)).isTrue();
        assertThat(thread.fault()).isEmpty();
        thread.stop();
        assertThat(ended(thread, nowNs)).isTrue();
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(30, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException stop) {
            Thread.currentThread().interrupt();
        }
    }
}
