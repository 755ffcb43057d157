// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

import io.kvlink.p2p.internal.cuda.CudaDevice;
import io.kvlink.p2p.internal.cuda.CudaEvent;
import io.kvlink.p2p.internal.cuda.CudaStream;
import io.kvlink.p2p.internal.cuda.FakeProcess;
import io.kvlink.p2p.internal.plane.DataPlane;
import io.kvlink.p2p.internal.plane.pull.GpuPlaneConfig;
import io.kvlink.p2p.internal.plane.tcp.TcpPlaneConfig;
import io.kvlink.pool.BuddyHostPoolProvider;
import io.kvlink.spi.BlockTable;
import io.kvlink.spi.DType;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvDevice;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvTransferConfig;
import io.kvlink.spi.LoadDecision;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.StepPlan;
import io.kvlink.spi.WorkerReport;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;

/**
 * An engine that computes on a simulated GPU. All it does to KV is enqueued on its stream, and runs
 * whenever the machine gets to it. The test's thread only.
 */
final class GpuEngine implements AutoCloseable {

    static final int LAYERS = 4;
    static final KvLayout LAYOUT = KvLayout.single("m", LAYERS, 2, 4, DType.BF16, 16);
    static final int BLOCKS = 64;
    private static final long LIMIT_NS = TimeUnit.SECONDS.toNanos(60);

    final FakeProcess process;
    final CudaDevice device;
    final CudaStream stream;
    final KvConnector connector;
    private final long regionBytes = BLOCKS * LAYOUT.blockBytes();
    private final List<Long> regions = new ArrayList<>();
    private final long scratch;
    private long nextScratch;

    /** Machine with a plane of the test's choice. */
    record Machine(FakeProcess process, UnaryOperator<DataPlane> wrapper, PlaneOpener planes)
            implements DevicesAndPlanes {

        /** Opens a plane between GPUs. */
        interface PlaneOpener {
            DataPlane open(GpuPlaneConfig config);
        }

        @Override
        public CudaDevice openDevice(int ordinal) {
            return process.open(ordinal);
        }

        @Override
        public List<DataPlane> openPlanes(
                TcpPlaneConfig tcp, Optional<GpuPlaneConfig> gpu, String setting) {
            GpuPlaneConfig config = gpu.orElseThrow();
            DataPlane plane = wrapper.apply(planes.open(config));
            return List.of(
                    new WrappedPlane(plane) {
                        @Override
                        public boolean reaches(String endpoint) {
                            config.device().attach(); // The control thread calls this.
                            return super.reaches(endpoint);
                        }
                    });
        }
    }

    GpuEngine(Machine machine, int gpu, String role, String sendType, String bufferBytes) {
        process = machine.process();
        device = process.open(gpu);
        long handle = 100L + gpu;
        stream = device.stream(handle);
        scratch = device.allocate(1 << 20);
        for (int layer = 0; layer < LAYERS; layer++) {
            regions.add(device.allocate(regionBytes));
        }
        Map<String, Object> config =
                Map.of(
                        "kv_connector",
                        P2pNcclConnectorProvider.NAME,
                        "kv_role",
                        role,
                        "kv_port",
                        0,
                        "kv_buffer_size",
                        bufferBytes,
                        "kv_connector_extra_config",
                        Map.of(
                                "send_type",
                                sendType,
                                "mem_pool_size_gb",
                                "0.01",
                                "transfer_timeout_s",
                                "20"));
        connector =
                new P2pNcclConnectorProvider(machine)
                        .create(
                                KvTransferConfig.of(config),
                                KvConnectorContext.builder(LAYOUT, () -> {})
                                        .device(new KvDevice(gpu, handle))
                                        .hostPools(new BuddyHostPoolProvider())
                                        .build());
        connector.worker().registerKvMemory(memory());
    }

    private List<MemoryRegion> memory() {
        return regions.stream()
                .map(address -> MemoryRegion.ofDevice(device.ordinal(), address, regionBytes))
                .toList();
    }

    /** Enqueues writing a layer's exchanged bytes into blocks, as computing it would. */
    void enqueueWrite(int layer, BlockTable blocks, int tokens, byte[] bytes) {
        long from = stage(bytes.length);
        process.write(from, bytes);
        for (KvLayout.Run run : LAYOUT.runs(blocks, 0, tokens, regionBytes)) {
            device.copy(from, regions.get(layer) + run.offset(), run.bytes(), stream);
            from += run.bytes();
        }
    }

    /** Enqueues reading a layer out of blocks, and says where its exchanged bytes will be. */
    long enqueueRead(int layer, BlockTable blocks, int tokens) {
        long to = stage(Math.toIntExact(LAYOUT.layerBytes(tokens)));
        long at = to;
        for (KvLayout.Run run : LAYOUT.runs(blocks, 0, tokens, regionBytes)) {
            device.copy(regions.get(layer) + run.offset(), at, run.bytes(), stream);
            at += run.bytes();
        }
        return to;
    }

    private long stage(int bytes) {
        long at = scratch + nextScratch;
        nextScratch += bytes;
        return at;
    }

    /** Waits until all that was enqueued has run. */
    void synchronize() {
        CudaEvent event = device.newEvent();
        device.record(event, stream);
        device.synchronize(event);
        event.close();
    }

    /** Computes a prompt's KV, saves it, and reports. */
    WorkerReport prefill(KvRequest request, BlockTable blocks, List<byte[]> content) {
        int tokens = request.transferTokens();
        connector.scheduler().onRequestAdded(request);
        connector.scheduler().onBlocksAllocated(request, blocks, 0, 0);
        StepPlan.Entry entry = StepPlan.entry(request, blocks, 0, tokens + 1);
        var step = connector.scheduler().buildStep(StepPlan.of(List.of(entry)));
        connector.worker().startLoad(step);
        for (int layer = 0; layer < LAYERS; layer++) {
            connector.worker().awaitLayer(layer, deadlineNs());
            enqueueWrite(layer, blocks, tokens, content.get(layer));
            connector.worker().saveLayer(layer);
        }
        connector.worker().awaitSaves(deadlineNs());
        return poll();
    }

    /** Waits until a request can be loaded, or has failed. */
    LoadDecision awaitDecision(KvRequest request) {
        long deadlineNs = deadlineNs();
        LoadDecision decision = connector.scheduler().matchedTokens(request, 0);
        while (decision instanceof LoadDecision.AskAgain) {
            poll();
            if (System.nanoTime() - deadlineNs > 0) {
                throw new AssertionError("no answer for " + request);
            }
            Thread.onSpinWait();
            decision = connector.scheduler().matchedTokens(request, 0);
        }
        return decision;
    }

    /** Loads a request in a step that reads each layer after it was awaited. */
    WorkerReport load(KvRequest request, BlockTable blocks, List<byte[]> into) {
        int tokens = request.transferTokens();
        connector.scheduler().onBlocksAllocated(request, blocks, 0, tokens);
        StepPlan.Entry entry = StepPlan.entry(request, blocks, tokens, 1);
        var step = connector.scheduler().buildStep(StepPlan.of(List.of(entry)));
        List<Long> reads = new ArrayList<>();
        connector.worker().startLoad(step);
        for (int layer = 0; layer < LAYERS; layer++) {
            connector.worker().awaitLayer(layer, deadlineNs());
            reads.add(enqueueRead(layer, blocks, tokens));
            connector.worker().saveLayer(layer);
        }
        synchronize();
        for (long read : reads) {
            into.add(process.read(read, Math.toIntExact(LAYOUT.layerBytes(tokens))));
        }
        return poll();
    }

    /** Takes the report of all that ended since the last call. */
    WorkerReport poll() {
        WorkerReport report = connector.worker().pollFinished();
        connector.scheduler().onStepDone(report);
        return report;
    }

    /** Polls until nothing is held. */
    void awaitIdle() {
        long deadlineNs = deadlineNs();
        while (!connector.ledger().idle()) {
            poll();
            if (System.nanoTime() - deadlineNs > 0) {
                throw new AssertionError("still " + connector.ledger());
            }
            Thread.onSpinWait();
        }
    }

    static long deadlineNs() {
        return System.nanoTime() + LIMIT_NS;
    }

    @Override
    public void close() {
        connector.close();
        device.attach();
        regions.forEach(device::free);
        device.free(scratch);
        device.close();
    }
}
