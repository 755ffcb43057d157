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
import io.kvlink.spi.KvRole;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.KvTransferConfig;
import io.kvlink.spi.KvWorker;
import io.kvlink.spi.LoadDecision;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.StepPlan;
import io.kvlink.spi.WorkerReport;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/**
 * An engine that computes nothing: KV memory, a connector, and a thread that calls it in the
 * documented order and sleeps until the connector wakes it.
 */
final class BenchmarkEngine implements AutoCloseable {

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final long LIMIT_NS = TimeUnit.SECONDS.toNanos(20);

    private final KvLayout layout;
    private final List<ByteBuffer> kv;
    private final ExecutorService executor;
    private final Thread thread;
    private final KvConnector connector;
    private final KvScheduler scheduler;
    private final KvWorker worker;

    /**
     * What the producer saw.
     *
     * @param startNs before the first {@code saveLayer}
     * @param saveNs how long each took
     * @param allocatedBytes by the engine's thread, from the request's arrival to its end
     */
    @SuppressWarnings("ArrayRecordComponent")
    record Sent(long startNs, long[] saveNs, long allocatedBytes) {}

    /**
     * What the consumer saw.
     *
     * @param endNs after the last {@code awaitLayer}
     * @param allocatedBytes by the engine's thread, from the request's arrival to its end
     */
    record Received(long endNs, long allocatedBytes) {}

    BenchmarkEngine(KvRole role, String sendType, KvLayout layout, int blocks) throws Exception {
        this.layout = layout;
        int regionBytes = Math.toIntExact(layout.blockBytes() * blocks);
        kv =
                Stream.generate(() -> ByteBuffer.allocateDirect(regionBytes))
                        .limit(layout.layers())
                        .toList();
        executor = Executors.newSingleThreadExecutor(work -> new Thread(work, "engine-" + role));
        thread = executor.submit(Thread::currentThread).get();
        KvConnectors found = KvConnectors.load(BenchmarkEngine.class.getClassLoader());
        KvTransferConfig config =
                KvTransferConfig.of(
                        Map.of(
                                "kv_connector",
                                "P2pNcclConnector",
                                "kv_role",
                                role.key(),
                                "kv_ip",
                                "127.0.0.1",
                                "kv_port",
                                0,
                                "kv_buffer_size",
                                256 << 20,
                                "kv_connector_extra_config",
                                Map.of("send_type", sendType, "data_plane", "tcp")));
        connector =
                found.named(config.connector())
                        .create(
                                config,
                                new KvConnectorContext(
                                        layout,
                                        found.hostPool(),
                                        () -> LockSupport.unpark(thread)));
        scheduler = connector.scheduler();
        worker = connector.worker();
        worker.registerKvMemory(kv.stream().map(MemoryRegion::ofBuffer).toList());
    }

    HostPort address() {
        return connector.address();
    }

    <T> Future<T> submit(Callable<T> work) {
        return executor.submit(work);
    }

    /** The first bytes of each layer. */
    ByteBuffer[] kv(int layerBytes) {
        return kv.stream().map(layer -> layer.slice(0, layerBytes)).toArray(ByteBuffer[]::new);
    }

    /** A prefill step of one request. By the engine's thread. */
    Sent send(KvRequest request, BlockTable blocks, long firstLayerNs) {
        long allocated = THREADS.getCurrentThreadAllocatedBytes();
        long deadlineNs = System.nanoTime() + LIMIT_NS;
        long[] saveNs = new long[layout.layers()];
        scheduler.onRequestAdded(request);
        scheduler.matchedTokens(request, 0);
        scheduler.onBlocksAllocated(request, blocks, 0);
        worker.startLoad(scheduler.buildStep(plan(request, blocks, 0)));
        sleep(firstLayerNs);
        long startNs = System.nanoTime();
        long beforeNs = startNs;
        for (int layer = 0; layer < saveNs.length; layer++) {
            worker.awaitLayer(layer, deadlineNs);
            worker.saveLayer(layer);
            long afterNs = System.nanoTime();
            saveNs[layer] = afterNs - beforeNs;
            beforeNs = afterNs;
        }
        require(worker.awaitSaves(deadlineNs), "awaitSaves");
        scheduler.onRequestFinished(request);
        WorkerReport report = worker.pollFinished();
        while (report.sent().isEmpty()) {
            park(deadlineNs);
            report = worker.pollFinished();
        }
        scheduler.onStepDone(report);
        require(report.sent().get(0).failure().isEmpty(), report);
        return new Sent(startNs, saveNs, THREADS.getCurrentThreadAllocatedBytes() - allocated);
    }

    /** A request's load, in a step of its own. By the engine's thread. */
    Received receive(KvRequest request, BlockTable blocks, CountDownLatch added) {
        long allocated = THREADS.getCurrentThreadAllocatedBytes();
        long deadlineNs = System.nanoTime() + LIMIT_NS;
        scheduler.onRequestAdded(request);
        added.countDown();
        LoadDecision decision = scheduler.matchedTokens(request, 0);
        while (decision instanceof LoadDecision.AskAgain) {
            park(deadlineNs);
            decision = scheduler.matchedTokens(request, 0);
        }
        int tokens = decision instanceof LoadDecision.Load load ? load.tokens() : 0;
        require(tokens == request.transferTokens(), decision);
        scheduler.onBlocksAllocated(request, blocks, tokens);
        worker.startLoad(scheduler.buildStep(plan(request, blocks, tokens)));
        for (int layer = 0; layer < layout.layers(); layer++) {
            worker.awaitLayer(layer, deadlineNs);
        }
        long endNs = System.nanoTime();
        for (int layer = 0; layer < layout.layers(); layer++) {
            worker.saveLayer(layer);
        }
        require(worker.awaitSaves(deadlineNs), "awaitSaves");
        WorkerReport report = worker.pollFinished();
        scheduler.onStepDone(report);
        require(report.loaded().size() == 1, report);
        scheduler.onRequestFinished(request);
        return new Received(endNs, THREADS.getCurrentThreadAllocatedBytes() - allocated);
    }

    private static StepPlan plan(KvRequest request, BlockTable blocks, int computed) {
        int left = request.promptTokens().length - computed;
        return new StepPlan(List.of(new StepPlan.Entry(request, blocks, computed, left)));
    }

    private static void sleep(long ns) {
        long untilNs = System.nanoTime() + ns;
        for (long leftNs; (leftNs = untilNs - System.nanoTime()) > 0; ) {
            LockSupport.parkNanos(leftNs);
        }
    }

    private void park(long deadlineNs) {
        long leftNs = deadlineNs - System.nanoTime();
        require(leftNs > 0, "nothing has come");
        LockSupport.parkNanos(this, leftNs);
    }

    private static void require(boolean holds, Object otherwise) {
        if (!holds) {
            throw new IllegalStateException(String.valueOf(otherwise));
        }
    }

    /** Random bytes in all blocks. */
    void fill(Random random) {
        byte[] bytes = new byte[kv.get(0).capacity()];
        for (ByteBuffer layer : kv) {
            random.nextBytes(bytes);
            layer.put(0, bytes);
        }
    }

    /** The same byte in all blocks. */
    void poison() {
        for (ByteBuffer layer : kv) {
            for (int i = 0; i < layer.capacity(); i++) {
                layer.put(i, (byte) 0xE5);
            }
        }
    }

    /** Compares all transferred bytes with their origin. */
    void requireSame(BenchmarkEngine origin, BlockTable blocks, int tokens) {
        for (int layer = 0; layer < layout.layers(); layer++) {
            ByteBuffer ours = kv.get(layer);
            ByteBuffer theirs = origin.kv.get(layer);
            for (KvLayout.Run run : layout.runs(blocks, 0, tokens, ours.capacity())) {
                int from = Math.toIntExact(run.offset());
                int bytes = Math.toIntExact(run.bytes());
                require(
                        ours.slice(from, bytes).equals(theirs.slice(from, bytes)),
                        "layer=" + layer + " " + run + " differs");
            }
        }
    }

    @Override
    public void close() {
        connector.close();
        executor.shutdown();
    }
}
