// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.spi.Availability;
import io.kvlink.spi.BlockOwnership;
import io.kvlink.spi.BlockTable;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvCapability;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvConnectorProvider;
import io.kvlink.spi.KvConnectors;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvLedger;
import io.kvlink.spi.KvMetric;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.KvSpi;
import io.kvlink.spi.KvTransferConfig;
import io.kvlink.spi.KvWorker;
import io.kvlink.spi.LoadDecision;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.StepMetadata;
import io.kvlink.spi.StepPlan;
import io.kvlink.spi.TransferOutcome;
import io.kvlink.spi.WorkerReport;
import io.kvlink.tck.engine.CheckedConnectorProvider;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

/** A connector in memory that does what a test asks of it; how it is called is checked. */
final class FakeConnector implements KvConnectorProvider, KvConnector, KvScheduler, KvWorker {

    /** Way in which a consumer loads, or fails to. */
    enum Loading {
        /** Ask again until the KV is there, then within the step. */
        IN_STEP,
        /** Loads in the background. */
        ASYNC,
        /** Loads only the first tokens, in the background. */
        ASYNC_FIRST_HALF,
        /** The decision is that it won't come. */
        REFUSED,
        /** Loads garbage within the step, reported as failed. */
        IN_STEP_GARBAGE,
        /** Loads garbage in the background, reported as failed. */
        ASYNC_GARBAGE,
        /** Loads within the step; the second layer throws. */
        IN_STEP_THROWS,
        /** Loads in the background, and never ends. */
        ASYNC_NEVER,
        /** Loads within the step, reported one step late. */
        IN_STEP_LATE_REPORT
    }

    private final Wire wire;
    private final HostPort address;
    private final Loading loading;
    // Set by tests, on any thread.
    volatile boolean ownsBlocks;
    volatile boolean throwsOnSave;
    volatile boolean attachments;
    volatile boolean throwsOnAttachment;
    volatile boolean throwsOnAddress;
    volatile boolean throwsOnLedger;
    // The report that fails is the one after so many; none below 0.
    final AtomicInteger reports = new AtomicInteger(-1);
    volatile Runnable onClose = () -> {};
    volatile Availability health = Availability.usable();
    volatile int transfers;
    private volatile boolean closed;
    // Requests that were added and haven't finished, in their order.
    private final Set<KvRequest> added = new LinkedHashSet<>();
    final List<StepPlan> plans = new CopyOnWriteArrayList<>();
    final List<String> saves = new CopyOnWriteArrayList<>();

    final CountDownLatch allocated = new CountDownLatch(1);
    final CountDownLatch finished = new CountDownLatch(1);

    KvConnectorContext context;
    private List<ByteBuffer> memory = List.of();
    private final Map<String, BlockTable> toLoad = new LinkedHashMap<>();
    private final Map<String, Integer> loadTokens = new LinkedHashMap<>();
    private final List<StepMetadata.Task> background = new ArrayList<>();
    private final Map<String, KvRequest> ownedRequests = new LinkedHashMap<>();
    private final List<TransferOutcome> sent = new ArrayList<>();
    private final List<TransferOutcome> loaded = new ArrayList<>();
    private final List<TransferOutcome> failed = new ArrayList<>();
    private StepMetadata step = StepMetadata.EMPTY;

    // Calls of the worker that the contract doesn't allow are its violations.
    final CheckedConnectorProvider checked = new CheckedConnectorProvider(this);

    FakeConnector(Wire wire, int port, Loading loading) {
        this.wire = wire;
        this.address = new HostPort("127.0.0.1", port);
        this.loading = loading;
    }

    Supplier<KvConnectors> installed() {
        return () -> KvConnectors.of(List.of(checked), List.of());
    }

    @Override
    public int spiVersion() {
        return KvSpi.VERSION;
    }

    @Override
    public String name() {
        return "Fake";
    }

    @Override
    public Availability availability() {
        return Availability.usable();
    }

    @Override
    public KvConnector create(KvTransferConfig config, KvConnectorContext given) {
        context = given;
        wire.onChange(given.wakeup());
        return this;
    }

    @Override
    public KvScheduler scheduler() {
        return this;
    }

    @Override
    public KvWorker worker() {
        return this;
    }

    @Override
    public Availability health() {
        return health;
    }

    @Override
    public Set<KvCapability> capabilities() {
        return Set.of(KvCapability.PEERS, KvCapability.ATTACHMENTS);
    }

    @Override
    public Optional<HostPort> address() {
        if (throwsOnAddress) {
            throw new IllegalStateException("no address");
        }
        return Optional.of(address);
    }

    @Override
    public KvLedger ledger() {
        if (throwsOnLedger) {
            throw new IllegalStateException("no ledger");
        }
        return KvLedger.builder().transfers(transfers).build();
    }

    @Override
    public List<KvMetric> metrics() {
        return List.of(
                KvMetric.counter("moved_bytes_total", "Bytes.", Map.of("way", "in"), 7),
                KvMetric.counter("moved_bytes_total", "Bytes.", Map.of("way", "out"), 8),
                KvMetric.gauge("peers", "Peers.", Map.of(), 2));
    }

    @Override
    public void close() {
        onClose.run();
        closed = true;
    }

    boolean closed() {
        return closed;
    }

    /** Reports all that it owns as sent, in the next step. */
    void release() {
        ownsBlocks = false;
        wire.changed();
    }

    @Override
    public void onRequestAdded(KvRequest request) {
        added.add(request);
    }

    @Override
    public LoadDecision matchedTokens(KvRequest request, int computedTokens) {
        if (!loads(request)) {
            return LoadDecision.NOTHING;
        }
        boolean arrived =
                wire.arrived(request.route().orElseThrow().id(), context.layout().layers());
        if (attachments && request.attachment() && !arrived && loading == Loading.ASYNC) {
            return LoadDecision.askAgain(); // What comes with it isn't known yet.
        }
        // What throws has something.
        boolean whole = throwsOnAttachment || attachment(request).isPresent();
        int all = request.transferTokens() + (whole ? 1 : 0);
        return switch (loading) {
            case IN_STEP, IN_STEP_LATE_REPORT ->
                    arrived ? LoadDecision.load(all, false) : LoadDecision.askAgain();
            case ASYNC, ASYNC_GARBAGE, ASYNC_NEVER -> LoadDecision.load(all, true);
            case ASYNC_FIRST_HALF -> LoadDecision.load(all / 2, true);
            case REFUSED -> LoadDecision.failed(KvError.PEER_LOST, "peer=gone");
            case IN_STEP_GARBAGE, IN_STEP_THROWS -> LoadDecision.load(all, false);
        };
    }

    @Override
    public void onBlocksAllocated(KvRequest request, BlockTable blocks, int computed, int tokens) {
        allocated.countDown();
        if (tokens > 0) {
            toLoad.put(request.id(), blocks);
            loadTokens.put(request.id(), tokens);
        }
    }

    @Override
    public StepMetadata buildStep(StepPlan plan) {
        plans.add(plan);
        List<StepMetadata.Task> loads = new ArrayList<>();
        List<StepMetadata.Task> tasks = new ArrayList<>();
        for (KvRequest request : added) {
            BlockTable blocks = toLoad.get(request.id());
            boolean planned =
                    plan.entries().stream().anyMatch(entry -> entry.request().equals(request));
            if (blocks != null && (planned || loading.name().startsWith("ASYNC"))) {
                toLoad.remove(request.id());
                loads.add(StepMetadata.task(request, blocks, 0, loadTokens.get(request.id())));
            }
        }
        for (StepPlan.Entry entry : plan.entries()) {
            int end =
                    Math.min(
                            entry.computedTokens() + entry.scheduledTokens(),
                            savedTokens(entry.request()));
            if (saves(entry.request()) && end > entry.computedTokens()) {
                tasks.add(
                        StepMetadata.task(
                                entry.request(), entry.blocks(), entry.computedTokens(), end));
            }
        }
        return StepMetadata.of(loads, tasks);
    }

    private int savedTokens(KvRequest request) {
        return request.transferTokens() + (attachments && request.attachment() ? 1 : 0);
    }

    @Override
    public void attach(KvRequest request, byte[] content) {
        if (attachments && saves(request)) {
            wire.attach(request.route().orElseThrow().id(), content.clone());
        }
    }

    @Override
    public Optional<byte[]> attachment(KvRequest request) {
        if (throwsOnAttachment) {
            throw new IllegalStateException("no attachment");
        }
        return attachments && request.attachment() && loads(request)
                ? wire.attachment(request.route().orElseThrow().id())
                : Optional.empty();
    }

    @Override
    public void startLoad(StepMetadata metadata) {
        step = metadata;
        if (loading.name().startsWith("ASYNC")) {
            background.addAll(metadata.loads());
        }
    }

    @Override
    public void awaitLayer(int layer, long deadlineNs) {
        if (loading == Loading.IN_STEP_THROWS && layer == 1) {
            throw new IllegalStateException("no layer " + layer);
        }
        for (StepMetadata.Task task : step.loads()) {
            if (loading == Loading.IN_STEP_GARBAGE) {
                Wire.spoil(context.layout(), task, memory);
            } else if (loading != Loading.IN_STEP_THROWS) {
                wire.load(context.layout(), task, layer, memory.get(layer));
            }
            if (layer == memory.size() - 1) {
                (loading == Loading.IN_STEP_GARBAGE ? failed : loaded)
                        .add(outcome(task.request(), loading == Loading.IN_STEP_GARBAGE));
            }
        }
    }

    @Override
    public void saveLayer(int layer) {
        if (throwsOnSave) {
            throw new IllegalStateException("no save of layer " + layer);
        }
        for (StepMetadata.Task task : step.saves()) {
            saves.add(layer + ":" + task.fromToken() + ".." + task.toToken());
            wire.save(context.layout(), task, layer, memory.get(layer), attachments);
            if (layer == memory.size() - 1
                    && task.toToken() == savedTokens(task.request())
                    && !ownsBlocks) {
                sent.add(outcome(task.request(), false));
            }
        }
    }

    @Override
    public boolean awaitSaves(long deadlineNs) {
        return true;
    }

    @Override
    public WorkerReport pollFinished() {
        if (reports.getAndUpdate(left -> Math.max(left - 1, -1)) == 0) {
            throw new IllegalStateException("no report");
        }
        boolean late = loading == Loading.IN_STEP_LATE_REPORT && !step.loads().isEmpty();
        step = StepMetadata.EMPTY;
        pollBackground();
        if (!ownsBlocks) {
            ownedRequests.values().forEach(request -> sent.add(outcome(request, false)));
            ownedRequests.clear();
        }
        if (late) {
            wire.changed();
            return WorkerReport.EMPTY;
        }
        WorkerReport report = WorkerReport.of(sent, loaded, failed);
        sent.clear();
        loaded.clear();
        failed.clear();
        return report;
    }

    private void pollBackground() {
        List<StepMetadata.Task> left = new ArrayList<>();
        for (StepMetadata.Task task : background) {
            boolean garbage = loading == Loading.ASYNC_GARBAGE;
            if (loading == Loading.ASYNC_NEVER) {
                continue;
            }
            if (!garbage
                    && !wire.arrived(task.request().route().orElseThrow().id(), memory.size())) {
                left.add(task);
                continue;
            }
            for (int layer = 0; layer < memory.size() && !garbage; layer++) {
                wire.load(context.layout(), task, layer, memory.get(layer));
            }
            if (garbage) {
                Wire.spoil(context.layout(), task, memory);
            }
            (garbage ? failed : loaded).add(outcome(task.request(), garbage));
        }
        background.clear();
        background.addAll(left);
    }

    @Override
    public void onStepDone(WorkerReport report) {}

    @Override
    public BlockOwnership onRequestFinished(KvRequest request) {
        added.remove(request);
        finished.countDown();
        toLoad.remove(request.id());
        background.removeIf(task -> task.request().equals(request));
        if (ownsBlocks && request.route().isPresent()) {
            ownedRequests.put(request.id(), request);
            return BlockOwnership.CONNECTOR_OWNS;
        }
        return BlockOwnership.FREE_NOW;
    }

    @Override
    public void registerKvMemory(List<MemoryRegion> layers) {
        memory = layers.stream().map(MemoryRegion::buffer).toList();
    }

    private boolean saves(KvRequest request) {
        return request.route().isPresent()
                && request.route().orElseThrow().prefill().equals(address);
    }

    private boolean loads(KvRequest request) {
        return request.route().isPresent()
                && request.route().orElseThrow().decode().equals(address);
    }

    private TransferOutcome outcome(KvRequest request, boolean lost) {
        return TransferOutcome.builder(request.id())
                .id(request.route().orElseThrow().id())
                .failure(
                        lost ? Optional.of(KvError.PEER_LOST) : Optional.empty(),
                        lost ? "peer=gone" : "")
                .plane("fake")
                .bytes(context.layout().layerBytes(request.transferTokens()) * memory.size())
                .nanos(1)
                .build();
    }
}
