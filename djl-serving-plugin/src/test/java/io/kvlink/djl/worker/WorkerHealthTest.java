// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.djl.generation.GenerationException;
import io.kvlink.djl.generation.GenerationListener;
import io.kvlink.djl.generation.GenerationResult;
import io.kvlink.djl.generation.WorkerHealth;
import io.kvlink.spi.Availability;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Health of a worker whose threads stand still, die or end. */
@Timeout(120)
class WorkerHealthTest extends StartedWorkers {

    private static final int[] PROMPT = Prompts.random(5, 9);

    @BeforeAll
    static void writeModel() {
        writeModel(4);
    }

    /** Listener that acts on the worker's thread at the first token. */
    private static final class AtFirstToken implements GenerationListener {
        private final Runnable fault;
        private final CountDownLatch ended = new CountDownLatch(1);

        AtFirstToken(Runnable fault) {
            this.fault = fault;
        }

        @Override
        public void onToken(int tokenId, String text) {
            fault.run();
        }

        @Override
        public void onFinished(GenerationResult result) {
            ended.countDown();
        }

        @Override
        public void onFailed(GenerationException failure) {
            ended.countDown();
        }

        void await() throws InterruptedException {
            assertThat(ended.await(60, TimeUnit.SECONDS)).isTrue();
        }
    }

    private static void awaitHealth(LlamaWorker worker, Predicate<WorkerHealth> expected) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!expected.test(worker.health())) {
            assertThat(System.nanoTime()).as("%s", worker.health()).isLessThan(deadline);
            Thread.onSpinWait();
        }
    }

    @Test
    void shouldBeLiveAndReadyWhileItServes() throws Exception {
        LlamaWorker worker = worker(Map.of());
        submit(worker, Prompts.local(PROMPT, 3)).result();
        assertThat(worker.health()).isEqualTo(WorkerHealth.GOOD);
    }

    @Test
    void shouldNotLiveWhenItsThreadDies() throws Exception {
        LlamaWorker worker = worker(Map.of());
        AtFirstToken fatal =
                new AtFirstToken(
                        () -> {
                            throw new OutOfMemoryError("made by the test");
                        });
        worker.submit(Prompts.local(PROMPT, 3), fatal);
        fatal.await();
        assertThat(worker.health().whyNotLive())
                .containsExactly(
                        "thread=kv-worker-0 has ended: java.lang.OutOfMemoryError: made by the test");
        assertThat(worker.health().whyNotReady()).isEqualTo(worker.health().whyNotLive());
        assertThatThrownBy(() -> submit(worker, Prompts.local(PROMPT, 3)))
                .isInstanceOf(GenerationException.class)
                .hasMessageContaining("worker=closed");
    }

    @Test
    void shouldNotLiveWhileItsThreadStandsStill() throws Exception {
        LlamaWorker worker = worker(Map.of("health_stall_s", 0.2));
        CountDownLatch gate = new CountDownLatch(1);
        CountDownLatch standing = new CountDownLatch(1);
        AtFirstToken stuck =
                new AtFirstToken(
                        () -> {
                            standing.countDown();
                            try {
                                assertThat(gate.await(100, TimeUnit.SECONDS)).isTrue();
                            } catch (InterruptedException stop) {
                                Thread.currentThread().interrupt();
                            }
                        });
        worker.submit(Prompts.local(PROMPT, 3), stuck);
        // Before that a busy machine may hold the thread up, and let it go.
        assertThat(standing.await(60, TimeUnit.SECONDS)).isTrue();
        awaitHealth(
                worker,
                health ->
                        health.whyNotLive().stream()
                                .anyMatch(
                                        why -> why.startsWith("thread=kv-worker-0 stands still")));
        assertThat(worker.health().whyNotReady()).isNotEmpty();
        gate.countDown();
        stuck.await();
        awaitHealth(worker, WorkerHealth.GOOD::equals);
    }

    @Test
    void shouldNotLiveWhenItsConnectorIsDead() {
        FakeConnector connector = prefill();
        LlamaWorker worker = worker(connector, Map.of());
        assertThat(worker.health()).isEqualTo(WorkerHealth.GOOD);
        connector.health = Availability.missing("connector=x thread=kv-ctl has ended: null");
        assertThat(worker.health().whyNotLive())
                .containsExactly("connector=x thread=kv-ctl has ended: null");
        assertThat(worker.health().whyNotReady()).isEqualTo(worker.health().whyNotLive());
    }

    @Test
    void shouldBeLiveButNotReadyOnceItIsClosed() {
        LlamaWorker worker = worker(Map.of());
        worker.close();
        assertThat(worker.health())
                .isEqualTo(new WorkerHealth(List.of(), List.of("worker=closing")));
    }
}
