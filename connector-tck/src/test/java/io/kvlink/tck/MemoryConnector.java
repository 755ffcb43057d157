// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import io.kvlink.spi.BlockOwnership;
import io.kvlink.spi.BlockTable;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvCapability;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvLedger;
import io.kvlink.spi.KvMetric;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.KvTransferConfig;
import io.kvlink.spi.KvWorker;
import io.kvlink.spi.LoadDecision;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.StepMetadata;
import io.kvlink.spi.StepPlan;
import io.kvlink.spi.TransferOutcome;
import io.kvlink.spi.TransferRoute;
import io.kvlink.spi.WorkerReport;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * One end of a {@link MemoryNetwork}. A push is loaded within a step, held KV in the background, so
 * that the suite meets both. Has no thread.
 */
final class MemoryConnector implements KvConnector, KvScheduler, KvWorker {

    final boolean push;
    final long deadlineNs;
    final long ttlNs;
    final MemoryCopies copies;
    final MemoryPool pool;
    final List<TransferOutcome> sent = new ArrayList<>();
    final List<TransferOutcome> loaded = new ArrayList<>();
    final List<TransferOutcome> failedLoads = new ArrayList<>();
    private final MemoryNetwork network;
    private final HostPort address;
    private final KvTransferConfig config;
    private final KvConnectorContext context;
    private final Map<String, MemorySide> sides = new HashMap<>();
    private final List<BlockTable> lateWrites = new ArrayList<>();
    private List<MemoryRegion> memory = List.of();
    private StepMetadata step = StepMetadata.EMPTY;
    private boolean closed;

    MemoryConnector(
            MemoryNetwork network,
            HostPort address,
            KvTransferConfig config,
            KvConnectorContext context,
            boolean push,
            long deadlineNs,
            long ttlNs) {
        this.network = network;
        this.address = address;
        this.config = config;
        this.context = context;
        this.push = push;
        this.deadlineNs = deadlineNs;
        this.ttlNs = ttlNs;
        this.pool = new MemoryPool(network.fault, context);
        this.copies = new MemoryCopies(network.device, context.device(), network.fault);
    }

    boolean has(Fault fault) {
        return network.fault == fault;
    }

    KvLayout layout() {
        return context.layout();
    }

    ByteBuffer memory(int layer) {
        return copies.bytes(memory.get(layer));
    }

    long nowNs() {
        return network.clock.nowNs();
    }

    long bufferBytes() {
        return config.bufferBytes();
    }

    void breakLoad(KvRequest request) {
        sides.get(request.id()).transfer.orElseThrow().breakLoad();
    }

    void wake() {
        if (!has(Fault.WAKES_NOBODY)) {
            context.wakeup().run();
        }
    }

    @Override
    public void onRequestAdded(KvRequest request) {
        if (request.route().isEmpty() || request.transferTokens() == 0) {
            return;
        }
        TransferRoute route = request.route().get();
        boolean produces = config.role().produces() && route.prefill().equals(address);
        boolean consumes = consumes() && route.decode().equals(address);
        if (produces || consumes) {
            MemorySide side = new MemorySide(this, request, produces);
            sides.put(request.id(), side);
            network.join(side);
        }
    }

    @Override
    public LoadDecision matchedTokens(KvRequest request, int computedTokens) {
        waitIf(Fault.WAITS_WHEN_IT_IS_ASKED, request);
        MemorySide side = sides.get(request.id());
        if (side == null || side.producer) {
            boolean local = request.route().isEmpty() && has(Fault.WAITS_FOR_KV_WITHOUT_ROUTE);
            return local ? LoadDecision.askAgain() : LoadDecision.NOTHING;
        }
        if (side.failure.isPresent()) {
            return side.failure.get();
        }
        if (!side.transfer.orElseThrow().ready() || (side.answered && has(Fault.ANSWERS_ONCE))) {
            return LoadDecision.askAgain();
        }
        side.answered = true;
        boolean attached =
                attachment(request).isPresent()
                        || (request.attachment()
                                && has(Fault.LOADS_THE_LAST_TOKEN_WITHOUT_AN_ATTACHMENT));
        side.loadTo = request.transferTokens() + (attached ? 1 : 0);
        int tokens = side.loadTo - computedTokens;
        return tokens <= 0 ? LoadDecision.NOTHING : LoadDecision.load(tokens, !push);
    }

    @Override
    public void onBlocksAllocated(
            KvRequest request, BlockTable blocks, int computedTokens, int loadTokens) {
        MemorySide side = sides.get(request.id());
        if (side != null) {
            side.blocks = blocks;
            side.loading = !side.producer && loadTokens > 0;
            if (has(Fault.LOADS_THE_LAST_OF_THE_TOKENS)) {
                side.loadFrom = side.loadTo - loadTokens;
            } else {
                side.loadFrom = has(Fault.LOADS_OVER_THE_COMPUTED_HEAD) ? 0 : computedTokens;
                boolean all = loadTokens > 0 && has(Fault.LOADS_WHAT_THE_ENGINE_DID_NOT_TAKE);
                side.loadTo = all ? side.loadTo : computedTokens + loadTokens;
            }
        }
    }

    @Override
    public void attach(KvRequest request, byte[] content) {
        boolean fits = request.attachment() && content.length <= MAX_ATTACHMENT_BYTES;
        if (!fits && !has(Fault.TAKES_ANY_ATTACHMENT)) {
            throw new IllegalArgumentException(request + " bytes=" + content.length);
        }
        MemorySide side = sides.get(request.id());
        if (side != null && side.producer) {
            side.transfer.orElseThrow().attach(Optional.of(content.clone()));
        }
    }

    @Override
    public Optional<byte[]> attachment(KvRequest request) {
        MemorySide side = sides.get(request.id());
        return request.attachment() && side != null && !side.producer
                ? side.transfer.flatMap(MemoryTransfer::attachment)
                : Optional.empty();
    }

    @Override
    public StepMetadata buildStep(StepPlan plan) {
        List<StepMetadata.Task> loads = new ArrayList<>();
        for (MemorySide side : sides.values()) {
            if (side.loading && !side.ended) {
                loads.add(StepMetadata.task(side.request, side.blocks, side.loadFrom, side.loadTo));
            }
        }
        List<StepMetadata.Task> saves = new ArrayList<>();
        for (StepPlan.Entry entry : plan.entries()) {
            MemorySide side = sides.get(entry.request().id());
            boolean headLost = side == null || has(Fault.LOSES_A_CACHED_HEAD);
            int from = headLost ? entry.computedTokens() : side.saved;
            int most = side == null ? 0 : side.savesTokens();
            int to = Math.min(entry.computedTokens() + entry.scheduledTokens(), most);
            if (has(Fault.TRUSTS_THE_PREFILL_CHUNK) && context.prefillChunk() > 0) {
                to = Math.min(to, from + context.prefillChunk());
            }
            if (side != null && side.producer && !side.ended && to > from) {
                side.saved = to;
                saves.add(StepMetadata.task(side.request, entry.blocks(), from, to));
            }
        }
        return StepMetadata.of(loads, saves);
    }

    @Override
    public void onStepDone(WorkerReport report) {}

    @Override
    public BlockOwnership onRequestPreempted(KvRequest request) {
        MemorySide side = sides.get(request.id());
        if (side != null && side.loading && has(Fault.WRITES_AFTER_A_PREEMPTION)) {
            lateWrites.add(side.blocks);
        }
        return has(Fault.FORGETS_THAT_PREEMPTED_REQUESTS_END)
                ? BlockOwnership.FREE_NOW
                : onRequestFinished(request);
    }

    @Override
    public BlockOwnership onRequestFinished(KvRequest request) {
        waitIf(Fault.WAITS_WHEN_A_REQUEST_ENDS, request);
        MemorySide side = sides.remove(request.id());
        if (side == null) {
            boolean one = request.route().isPresent() && has(Fault.OWNS_PROMPTS_OF_ONE_TOKEN);
            return one ? BlockOwnership.CONNECTOR_OWNS : BlockOwnership.FREE_NOW;
        }
        if (!side.producer && side.loading && has(Fault.WRITES_AFTER_THE_CONSUMER_LEFT)) {
            lateWrites.add(side.blocks);
        }
        if (side.producer && side.transfer.filter(MemoryTransfer::saved).isPresent()) {
            side.transfer.get().attach(Optional.empty()); // Unless something was attached before.
        }
        if (side.ended) {
            boolean kept = side.broken() && has(Fault.KEEPS_THE_BLOCKS_OF_A_BROKEN_LOAD);
            return kept ? BlockOwnership.CONNECTOR_OWNS : BlockOwnership.FREE_NOW;
        }
        MemoryTransfer transfer = side.transfer.orElseThrow();
        if (!side.producer || !transfer.saved()) {
            boolean forEver = request.attachment() && has(Fault.WAITS_FOR_AN_ATTACHMENT);
            if (side.producer && forEver) {
                transfer.immortal = true;
                return BlockOwnership.CONNECTOR_OWNS;
            }
            transfer.onLeft(side);
            return BlockOwnership.FREE_NOW;
        }
        return has(Fault.FREES_SOURCE_EARLY) && !transfer.hasConsumer()
                ? BlockOwnership.FREE_NOW
                : BlockOwnership.CONNECTOR_OWNS;
    }

    @Override
    public void registerKvMemory(List<MemoryRegion> layers) {
        long bytes = layers.get(0).bytes();
        boolean fits =
                layers.size() == layout().layers()
                        && bytes % layout().blockBytes() == 0
                        && layers.get(0).kind().host() == context.device().isEmpty()
                        && layers.stream().allMatch(region -> region.bytes() == bytes);
        if (!fits && !has(Fault.TAKES_ANY_MEMORY)) {
            throw new KvConnectorException(
                    KvError.BAD_CONFIG, "layers=%s; they don't fit the layout".formatted(layers));
        }
        memory = List.copyOf(layers);
    }

    @Override
    public void startLoad(StepMetadata metadata) {
        metadata.loads().forEach(load -> waitIf(Fault.WAITS_IN_START_LOAD, load.request()));
        step = metadata;
    }

    @Override
    public void awaitLayer(int layer, long deadlineNs) {
        for (StepMetadata.Task task : step.loads()) {
            MemorySide side = sides.get(task.request().id());
            if (side != null && !side.ended) {
                side.transfer.orElseThrow().load(side, layer);
            }
        }
    }

    @Override
    public void saveLayer(int layer) {
        for (StepMetadata.Task task : step.saves()) {
            MemorySide side = sides.get(task.request().id());
            if (side != null && !side.ended) {
                side.blocks = task.blocks();
                side.transfer.orElseThrow().save(side, layer, task.fromToken(), task.toToken());
            }
        }
    }

    @Override
    public boolean awaitSaves(long deadlineNs) {
        return true;
    }

    @Override
    public WorkerReport pollFinished() {
        for (StepMetadata.Task task : step.loads()) {
            MemorySide side = sides.get(task.request().id());
            if (side != null && !side.ended) {
                side.transfer.orElseThrow().onLoaded(side);
            }
        }
        step = StepMetadata.EMPTY;
        network.reap(nowNs());
        lateWrites.forEach(blocks -> memory(0).put(firstByte(blocks), (byte) 1));
        lateWrites.clear();
        WorkerReport report = WorkerReport.of(sent, loaded, failedLoads);
        sent.clear();
        loaded.clear();
        failedLoads.clear();
        return report;
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
    public Set<KvCapability> capabilities() {
        return has(Fault.HIDES_AN_ABILITY)
                ? EnumSet.of(KvCapability.PEERS)
                : MemoryConnectorProvider.capabilities(push);
    }

    @Override
    public Optional<HostPort> address() {
        return Optional.of(address);
    }

    @Override
    public KvLedger ledger() {
        long buffered = network.pushedTo(address);
        return KvLedger.builder()
                .bufferBytes(buffered)
                .leases((buffered > 0 ? 1 : 0) + pool.leases())
                .transfers(network.transfersOf(this))
                .build();
    }

    @Override
    public List<KvMetric> metrics() {
        String name = has(Fault.NAMES_FIGURES_IN_ITS_OWN_WAY) ? "transfersOpen" : "transfers";
        double transfers = network.transfersOf(this);
        return List.of(KvMetric.gauge(name, "Transfers under way.", Map.of(), transfers));
    }

    @Override
    public void close() {
        if (closed && has(Fault.THROWS_WHEN_CLOSED_TWICE)) {
            throw new IllegalStateException("closed twice");
        }
        if (!closed) {
            closed = true;
            network.close(this);
            pool.close();
            if (has(Fault.LEAVES_A_THREAD)) {
                Leaks.leaveAThread();
            } else if (has(Fault.LEAVES_A_SOCKET)) {
                Leaks.leaveASocket();
            }
        }
    }

    private boolean consumes() {
        return config.role().consumes()
                && !(config.role().produces() && has(Fault.ONLY_SENDS_AS_BOTH));
    }

    private int firstByte(BlockTable blocks) {
        return Math.toIntExact(layout().runs(blocks, 0, 1, memory.get(0).bytes()).get(0).offset());
    }

    // A prompt longer than those of most rules.
    private void waitIf(Fault fault, KvRequest request) {
        if (has(fault) && request.promptTokens().length > 700) {
            long endNs = nowNs() + deadlineNs;
            while (nowNs() < endNs) {
                network.clock.pause(0);
            }
        }
    }
}
