// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.wire.node;

import com.sun.management.ThreadMXBean;
import io.kvlink.spi.BlockTable;
import io.kvlink.spi.KvConnectors;
import io.kvlink.spi.KvTransferConfig;
import io.kvlink.spi.TransferOutcome;
import io.kvlink.tck.EngineOptions;
import io.kvlink.tck.EngineShape;
import io.kvlink.tck.FakeEngine;
import io.kvlink.tck.FakeRequest;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * One connector under the TCK's fake engine, over the KV of a node. All by the thread that made it.
 */
final class WireEngine implements AutoCloseable {

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final Duration LIMIT = Duration.ofSeconds(20);

    private final WireKv kv;
    private final long spinNs;
    private final Thread thread = Thread.currentThread();
    private final FakeEngine engine;
    private final Map<Integer, int[]> prompts = new HashMap<>();
    // Set by any thread, reset by the engine's before it looks.
    private volatile boolean woken;

    /** A request's way, and its blocks at this end. */
    record Placed(Hop hop, BlockTable blocks) {}

    /**
     * Opens a connector.
     *
     * @param config {@code kv_transfer_config}
     * @param shape of the KV
     * @param kv over memory that stays when this is closed
     * @param spinNs how long a wait spins before it parks
     */
    WireEngine(Map<String, Object> config, EngineShape shape, WireKv kv, long spinNs) {
        this.kv = kv;
        this.spinNs = spinNs;
        KvConnectors found = KvConnectors.load(WireEngine.class.getClassLoader());
        String connector = KvTransferConfig.of(config).connector();
        engine =
                new FakeEngine(
                        "r",
                        found.named(connector),
                        config,
                        shape,
                        kv,
                        new EngineOptions(LIMIT, 0, found.hostPool(), this::wake));
    }

    private void wake() {
        woken = true;
        LockSupport.unpark(thread);
    }

    String address() {
        return engine.address().toString();
    }

    /**
     * Prefill steps, each begun when the one before is saved.
     *
     * @param steps the requests of each
     * @param atNs when to begin the first
     */
    EngineApi.Sent send(List<List<Placed>> steps, long atNs) {
        long allocated = THREADS.getCurrentThreadAllocatedBytes();
        List<FakeRequest> all = new ArrayList<>();
        List<List<FakeRequest>> requests = new ArrayList<>();
        for (List<Placed> step : steps) {
            List<FakeRequest> added = step.stream().map(this::add).toList();
            requests.add(added);
            all.addAll(added);
        }
        all.forEach(request -> require(admitted(request), request));
        kv.expectSteps(steps.size());
        Waits.until(atNs, spinNs);
        requests.forEach(engine::step);
        long deadlineNs = System.nanoTime() + LIMIT.toNanos();
        while (!reported(all)) {
            woken = false;
            engine.poll();
            if (!reported(all)) {
                awaitWake(deadlineNs);
            }
        }
        all.forEach(this::requireGood);
        String plane = all.get(0).outcomes().get(0).plane();
        all.forEach(engine::forget);
        return new EngineApi.Sent(
                kv.startNs(),
                kv.saveNs(),
                THREADS.getCurrentThreadAllocatedBytes() - allocated,
                plane);
    }

    /**
     * Loads requests, each in a step of its own as soon as its KV is here.
     *
     * @param placed what to expect
     * @param added called when all are known to the connector
     */
    EngineApi.Received receive(List<Placed> placed, Runnable added) {
        long allocated = THREADS.getCurrentThreadAllocatedBytes();
        kv.expectSteps(0);
        List<FakeRequest> requests = placed.stream().map(this::add).toList();
        added.run();
        long deadlineNs = System.nanoTime() + LIMIT.toNanos();
        for (int left = requests.size(); left > 0; ) {
            woken = false;
            FakeRequest ready = ready(requests);
            if (ready == null) {
                awaitWake(deadlineNs);
            } else {
                engine.step(List.of(ready));
                requireGood(ready);
                left--;
            }
        }
        long[] endNs = requests.stream().mapToLong(kv::endNs).toArray();
        requests.forEach(engine::forget);
        return new EngineApi.Received(endNs, THREADS.getCurrentThreadAllocatedBytes() - allocated);
    }

    private FakeRequest add(Placed placed) {
        int[] prompt =
                prompts.computeIfAbsent(
                        placed.hop.tokens(),
                        tokens -> new Random(tokens).ints(tokens + 1, 0, 32_000).toArray());
        FakeRequest request = engine.add(Optional.of(placed.hop.route()), prompt);
        kv.place(request, placed.blocks);
        return request;
    }

    private @Nullable FakeRequest ready(List<FakeRequest> requests) {
        for (FakeRequest request : requests) {
            if (!request.ended() && admitted(request)) {
                return request;
            }
        }
        return null;
    }

    private boolean admitted(FakeRequest request) {
        boolean runs = engine.admit(request);
        require(runs || !request.ended(), request);
        return runs;
    }

    private static boolean reported(List<FakeRequest> requests) {
        for (FakeRequest request : requests) {
            if (request.outcomes().isEmpty()) {
                return false;
            }
        }
        return true;
    }

    private void requireGood(FakeRequest request) {
        List<TransferOutcome> outcomes = request.outcomes();
        require(request.ended() && outcomes.size() == 1, request);
        require(outcomes.get(0).failure().isEmpty(), request);
    }

    private void awaitWake(long deadlineNs) {
        long startNs = System.nanoTime();
        while (!woken) {
            long nowNs = System.nanoTime();
            require(nowNs - deadlineNs < 0, "nothing has come");
            if (nowNs - startNs < spinNs) {
                Thread.onSpinWait();
            } else {
                LockSupport.parkNanos(this, deadlineNs - nowNs);
            }
        }
    }

    private static void require(boolean holds, Object otherwise) {
        if (!holds) {
            throw new IllegalStateException(String.valueOf(otherwise));
        }
    }

    @Override
    public void close() {
        engine.close();
    }
}
