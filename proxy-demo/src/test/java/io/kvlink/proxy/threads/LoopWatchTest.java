// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.threads;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.DefaultEventLoop;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** A loop that stands still is complained about until it turns again. */
final class LoopWatchTest {
    private static final Duration DEADLINE = Duration.ofSeconds(20);

    @Test
    void shouldShowALoopThatStandsStill() throws Exception {
        AtomicLong now = new AtomicLong();
        DefaultEventLoop loop = new DefaultEventLoop();
        CountDownLatch go = new CountDownLatch(1);
        CountDownLatch stuck = new CountDownLatch(1);
        try {
            LoopWatch watch = new LoopWatch(now::get);
            watch.watch("the tested", loop);
            loop.execute(
                    () -> {
                        stuck.countDown();
                        try {
                            go.await(20, TimeUnit.SECONDS);
                        } catch (InterruptedException cause) {
                            Thread.currentThread().interrupt();
                        }
                    });
            assertThat(stuck.await(20, TimeUnit.SECONDS)).isTrue();
            now.set(LoopWatch.STILL_NS);
            assertThat(watch.complaints()).isEmpty();
            now.addAndGet(TimeUnit.SECONDS.toNanos(2));
            assertThat(watch.complaints())
                    .containsExactly("the tested thread has stood still for 12 s");
            go.countDown();
            long endNs = System.nanoTime() + DEADLINE.toNanos();
            while (!watch.complaints().isEmpty()) {
                assertThat(System.nanoTime()).isLessThan(endNs);
                Thread.onSpinWait();
            }
        } finally {
            go.countDown();
            loop.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
        }
    }
}
