// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import io.kvlink.spi.TransferRoute;
import io.kvlink.tck.limit.TestThread;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * Engine that is opened, driven and closed by a thread of its own. Used by a test's thread, which
 * looks at requests when they have {@link #ended}.
 */
final class EngineThread {

    private static final long PAUSE_NS = 100_000;

    private final TestThread thread = new TestThread("tck-engine");
    private final Duration limit;
    private final FakeEngine engine;
    // Added and looked at by the engine's thread.
    private final List<FakeRequest> all = new ArrayList<>();
    private FutureTask<List<FakeRequest>> requests = new FutureTask<>(List::of);

    EngineThread(Duration limit, Callable<FakeEngine> open) throws Exception {
        this.limit = limit;
        this.engine = result(run(open));
    }

    FakeEngine engine() {
        return engine;
    }

    /** Lets a request arrive before the start. */
    void add(Optional<TransferRoute> route, int[] prompt) throws Exception {
        result(run(() -> all.add(engine.add(route, prompt))));
    }

    /**
     * Begins to compute. The engine is stepped until all have nothing more to do.
     *
     * @param busy number of engines whose requests haven't ended
     */
    void start(AtomicInteger busy) {
        requests = run(() -> computed(busy));
    }

    private List<FakeRequest> computed(AtomicInteger busy) {
        stepUntil(() -> all.stream().allMatch(FakeRequest::ended));
        busy.decrementAndGet();
        stepUntil(() -> busy.get() == 0 && engine.connector().ledger().idle());
        engine.verify();
        return all;
    }

    // By the machine's time: other threads have to get on.
    private void stepUntil(BooleanSupplier done) {
        long startNs = System.nanoTime();
        while (!done.getAsBoolean()) {
            if (System.nanoTime() - startNs > limit.toNanos()) {
                throw new AssertionError("waited %s for %s".formatted(limit, engine));
            }
            engine.step();
            LockSupport.parkNanos(PAUSE_NS);
        }
    }

    /** Requests of the engine, when all engines have nothing more to do. */
    List<FakeRequest> ended() throws Exception {
        return result(requests);
    }

    void close() throws Exception {
        result(
                run(
                        () -> {
                            engine.close();
                            return true;
                        }));
        thread.end();
    }

    private <T> FutureTask<T> run(Callable<T> task) {
        FutureTask<T> future = new FutureTask<>(task);
        thread.run(future);
        return future;
    }

    private <T> T result(FutureTask<T> task) throws Exception {
        try {
            return task.get(3 * limit.toNanos(), TimeUnit.NANOSECONDS);
        } catch (ExecutionException thrown) {
            if (thrown.getCause() instanceof Error error) {
                throw error;
            }
            throw thrown;
        }
    }
}
