// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks;

import com.sun.management.ThreadMXBean;
import io.kvlink.spi.BlockTable;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvConnectors;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.KvTransferConfig;
import io.kvlink.spi.KvWorker;
import io.kvlink.spi.LoadDecision;
import io.kvlink.spi.StepPlan;
import io.kvlink.spi.TransferOutcome;
import io.kvlink.spi.WorkerReport;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * An engine that computes nothing: a connector over KV memory, called in the documented order. All
 * by the thread that made it.
 */
final class BenchmarkEngine implements AutoCloseable {

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final long LIMIT_NS = TimeUnit.SECONDS.toNanos(20);
    private static final long LOOK_AGAIN_NS = TimeUnit.MICROSECONDS.toNanos(50);

    private final KvLayout layout;
    private final KvMemory memory;
    private final long spinNs;
    private final Thread thread = Thread.currentThread();
    private final KvConnector connector;
    private final KvScheduler scheduler;
    private final KvWorker worker;
    // Set by any thread, reset by the engine's before it looks.
    private volatile boolean woken;

    /** A request and its blocks. */
    record Placed(KvRequest request, BlockTable blocks) {}

    /**
     * Times and bytes of a round at the producer.
     *
     * @param startNs before the first {@code saveLayer}
     * @param saveNs how long each {@code saveLayer} took
     * @param allocatedBytes by the engine's thread, from the requests' arrival to their end
     * @param plane what the bytes went over
     */
    @SuppressWarnings("ArrayRecordComponent")
    record Sent(long startNs, long[] saveNs, long allocatedBytes, String plane) {}

    /**
     * Times and bytes of a round at the consumer.
     *
     * @param endNs for each request: the engine's stream has passed its last {@code awaitLayer}
     * @param allocatedBytes by the engine's thread, from the requests' arrival to their end
     */
    @SuppressWarnings("ArrayRecordComponent")
    record Received(long[] endNs, long allocatedBytes) {}

    /**
     * Opens a connector.
     *
     * @param config {@code kv_transfer_config}
     * @param layout how KV lies in the memory
     * @param memory the engine's, borrowed
     * @param spinNs how long a wait spins before it parks
     */
    BenchmarkEngine(Map<String, Object> config, KvLayout layout, KvMemory memory, long spinNs) {
        this.layout = layout;
        this.memory = memory;
        this.spinNs = spinNs;
        KvConnectors found = KvConnectors.load(BenchmarkEngine.class.getClassLoader());
        KvTransferConfig checked = KvTransferConfig.of(config);
        connector =
                found.named(checked.connector())
                        .create(
                                checked,
                                new KvConnectorContext(
                                        layout, memory.device(), found.hostPool(), 0, this::wake));
        scheduler = connector.scheduler();
        worker = connector.worker();
        worker.registerKvMemory(memory.layers());
    }

    private void wake() {
        woken = true;
        LockSupport.unpark(thread);
    }

    HostPort address() {
        return connector.address();
    }

    /**
     * Prefill steps, each begun when the one before is saved.
     *
     * @param steps the requests of each
     * @param atNs when to begin the first
     * @param firstLayerNs how long each step's first layer takes to compute
     */
    Sent send(List<List<Placed>> steps, long atNs, long firstLayerNs) {
        long allocated = THREADS.getCurrentThreadAllocatedBytes();
        long deadlineNs = System.nanoTime() + LIMIT_NS;
        int layers = layout.layers();
        long[] saveNs = new long[steps.size() * layers];
        List<TransferOutcome> sent = new ArrayList<>();
        int requests = 0;
        for (List<Placed> step : steps) {
            for (Placed placed : step) {
                scheduler.onRequestAdded(placed.request);
                scheduler.matchedTokens(placed.request, 0);
                scheduler.onBlocksAllocated(placed.request, placed.blocks, 0);
                requests++;
            }
        }
        sleepUntil(atNs);
        long startNs = 0;
        for (int i = 0; i < steps.size(); i++) {
            List<Placed> step = steps.get(i);
            worker.startLoad(scheduler.buildStep(plan(step, 0)));
            sleepUntil(System.nanoTime() + firstLayerNs);
            startNs = i == 0 ? System.nanoTime() : startNs;
            for (int layer = 0; layer < layers; layer++) {
                worker.awaitLayer(layer, deadlineNs);
                long beforeNs = System.nanoTime();
                worker.saveLayer(layer);
                saveNs[i * layers + layer] = System.nanoTime() - beforeNs;
            }
            require(worker.awaitSaves(deadlineNs), "awaitSaves");
            step.forEach(placed -> scheduler.onRequestFinished(placed.request));
            sent.addAll(poll().sent());
        }
        while (sent.size() < requests) {
            woken = false;
            List<TransferOutcome> more = poll().sent();
            sent.addAll(more);
            if (more.isEmpty()) {
                awaitWake(deadlineNs);
            }
        }
        sent.forEach(outcome -> require(outcome.failure().isEmpty(), outcome));
        return new Sent(
                startNs,
                saveNs,
                THREADS.getCurrentThreadAllocatedBytes() - allocated,
                sent.get(0).plane());
    }

    /**
     * Loads requests, each in a step of its own as soon as its KV is here.
     *
     * @param requests what to expect
     * @param added called when all are known to the connector
     */
    Received receive(List<Placed> requests, Runnable added) {
        long allocated = THREADS.getCurrentThreadAllocatedBytes();
        long deadlineNs = System.nanoTime() + LIMIT_NS;
        long[] endNs = new long[requests.size()];
        requests.forEach(placed -> scheduler.onRequestAdded(placed.request));
        added.run();
        boolean[] loaded = new boolean[requests.size()];
        for (int left = requests.size(); left > 0; ) {
            woken = false;
            int ready = ready(requests, loaded);
            if (ready < 0) {
                awaitWake(deadlineNs);
            } else {
                endNs[ready] = load(requests.get(ready), deadlineNs);
                loaded[ready] = true;
                left--;
            }
        }
        return new Received(endNs, THREADS.getCurrentThreadAllocatedBytes() - allocated);
    }

    private int ready(List<Placed> requests, boolean[] loaded) {
        for (int i = 0; i < loaded.length; i++) {
            if (!loaded[i]) {
                KvRequest request = requests.get(i).request;
                LoadDecision decision = scheduler.matchedTokens(request, 0);
                if (decision instanceof LoadDecision.Load load) {
                    require(load.tokens() == request.transferTokens(), decision);
                    return i;
                }
                require(decision instanceof LoadDecision.AskAgain, decision);
            }
        }
        return -1;
    }

    private long load(Placed placed, long deadlineNs) {
        int tokens = placed.request.transferTokens();
        scheduler.onBlocksAllocated(placed.request, placed.blocks, tokens);
        worker.startLoad(scheduler.buildStep(plan(List.of(placed), tokens)));
        for (int layer = 0; layer < layout.layers(); layer++) {
            worker.awaitLayer(layer, deadlineNs);
        }
        memory.settle();
        long endNs = System.nanoTime();
        for (int layer = 0; layer < layout.layers(); layer++) {
            worker.saveLayer(layer);
        }
        require(worker.awaitSaves(deadlineNs), "awaitSaves");
        while (poll().loaded().isEmpty()) {
            require(System.nanoTime() - deadlineNs < 0, "loaded, but not reported");
            LockSupport.parkNanos(this, LOOK_AGAIN_NS);
        }
        scheduler.onRequestFinished(placed.request);
        return endNs;
    }

    private WorkerReport poll() {
        WorkerReport report = worker.pollFinished();
        scheduler.onStepDone(report);
        require(report.failedLoads().isEmpty(), report);
        return report;
    }

    private static StepPlan plan(List<Placed> step, int computed) {
        return new StepPlan(
                step.stream()
                        .map(
                                placed ->
                                        new StepPlan.Entry(
                                                placed.request,
                                                placed.blocks,
                                                computed,
                                                placed.request.promptTokens().length - computed))
                        .toList());
    }

    private void sleepUntil(long ns) {
        for (long leftNs; (leftNs = ns - System.nanoTime()) > 0; ) {
            if (leftNs > spinNs) {
                LockSupport.parkNanos(leftNs - spinNs);
            } else {
                Thread.onSpinWait();
            }
        }
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
        connector.close();
    }
}
