// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import io.kvlink.spi.BlockHash;
import io.kvlink.spi.BlockOwnership;
import io.kvlink.spi.BlockTable;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvCapability;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvEvent;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvLayout.Run;
import io.kvlink.spi.KvLedger;
import io.kvlink.spi.KvMetric;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvRole;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.KvWorker;
import io.kvlink.spi.LoadDecision;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.StepMetadata;
import io.kvlink.spi.StepPlan;
import io.kvlink.spi.TransferOutcome;
import io.kvlink.spi.WorkerReport;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Reference store, for one instance: every step's work is done when the step ends. One thread. */
final class MemoryStoreConnector implements KvConnector, KvScheduler, KvWorker {

    static final Set<KvCapability> CAPABILITIES =
            Set.of(
                    KvCapability.STORE,
                    KvCapability.BOTH_ROLES,
                    KvCapability.CHUNKED_PREFILL,
                    KvCapability.LOAD_BEHIND_PREFIX,
                    KvCapability.KV_EVENTS);

    private static final int SIZE = MemoryStore.BLOCK_TOKENS;

    /** Book-keeping for one request. */
    private static final class Entry {
        private List<String> names = List.of();
        private List<MemoryStore.Block> read = new ArrayList<>();
        private boolean asked;
        private int saved;
        private int from;
        private int load;
    }

    private final MemoryStore store;
    private final KvRole role;
    private final KvLayout layout;
    private final String prefix;
    private final Map<String, Entry> entries = new HashMap<>();
    private final List<Runnable> late = new ArrayList<>();
    private final List<TransferOutcome> loaded = new ArrayList<>();
    private final List<TransferOutcome> failed = new ArrayList<>();
    private final List<KvEvent> events = new ArrayList<>();
    private List<MemoryRegion> regions = List.of();
    private StepMetadata step = StepMetadata.EMPTY;
    private int held;
    private boolean closed;

    MemoryStoreConnector(MemoryStore store, KvRole role, KvLayout layout, String prefix) {
        this.store = store;
        this.role = role;
        this.layout = layout;
        this.prefix = prefix;
    }

    @Override
    public void onRequestAdded(KvRequest request) {
        Entry entry = new Entry();
        int[] tokens = request.promptTokens();
        entry.names =
                store.names(tokens, layout.model(), request.salt()).stream()
                        .map(hash -> prefix + hash.hex())
                        .toList();
        if (role.consumes()) {
            for (String name : entry.names) {
                Optional<MemoryStore.Block> block = store.read(name);
                if (block.isEmpty()) {
                    break;
                }
                entry.read.add(block.get());
            }
        }
        held += entry.read.size();
        entry.saved = entry.read.size();
        entries.put(request.id(), entry);
    }

    @Override
    public LoadDecision matchedTokens(KvRequest request, int computedTokens) {
        Entry entry = entries.get(request.id());
        if (entry.asked && store.has(StoreFault.ANSWERS_ONCE)) {
            return LoadDecision.NOTHING;
        }
        entry.asked = true;
        int tokens = Math.min(entry.read.size() * SIZE, request.transferTokens());
        return LoadDecision.load(Math.max(0, tokens - computedTokens), false);
    }

    @Override
    public void onBlocksAllocated(
            KvRequest request, BlockTable blocks, int computedTokens, int loadTokens) {
        Entry entry = entries.get(request.id());
        entry.from = store.has(StoreFault.FORGETS_WHERE_THE_LOAD_BEGINS) ? 0 : computedTokens;
        entry.load = loadTokens;
        if (loadTokens == 0) {
            letGo(entry);
        }
    }

    @Override
    public StepMetadata buildStep(StepPlan plan) {
        List<StepMetadata.Task> loads = new ArrayList<>();
        List<StepMetadata.Task> saves = new ArrayList<>();
        for (StepPlan.Entry planned : plan.entries()) {
            Entry entry = entries.get(planned.request().id());
            if (entry.load > 0) {
                loads.add(task(planned, entry.from, entry.from + entry.load));
                entry.load = 0;
            }
            int end = planned.computedTokens() + planned.scheduledTokens();
            int complete = Math.min(end / SIZE, entry.names.size());
            if (store.has(StoreFault.SAVES_WHAT_ONE_STEP_COMPUTES)) {
                entry.saved = Math.max(entry.saved, (planned.computedTokens() + SIZE - 1) / SIZE);
            }
            if (role.produces() && complete > entry.saved) {
                saves.add(task(planned, entry.saved * SIZE, complete * SIZE));
                entry.saved = complete;
            }
        }
        return StepMetadata.of(loads, saves);
    }

    private static StepMetadata.Task task(StepPlan.Entry planned, int from, int to) {
        return StepMetadata.task(planned.request(), planned.blocks(), from, to);
    }

    @Override
    public void onStepDone(WorkerReport report) {}

    @Override
    public BlockOwnership onRequestFinished(KvRequest request) {
        Entry entry = entries.remove(request.id());
        if (!store.has(StoreFault.HOLDS_WHAT_A_LEAVER_READ)) {
            letGo(entry);
        }
        return store.has(StoreFault.OWNS_SHORT_PROMPTS) && entry.names.isEmpty()
                ? BlockOwnership.CONNECTOR_OWNS
                : BlockOwnership.FREE_NOW;
    }

    private void letGo(Entry entry) {
        held -= entry.read.size();
        entry.read = new ArrayList<>();
    }

    @Override
    public void registerKvMemory(List<MemoryRegion> layers) {
        long bytes = layers.get(0).bytes();
        if (layers.size() != layout.layers()
                || bytes % layout.blockBytes() != 0
                || layers.stream().anyMatch(layer -> layer.bytes() != bytes)) {
            throw new KvConnectorException(KvError.BAD_CONFIG, "layers=" + layers);
        }
        regions = layers;
    }

    @Override
    public void startLoad(StepMetadata metadata) {
        step = metadata;
        late.forEach(Runnable::run);
        late.clear();
    }

    @Override
    public void awaitLayer(int layer, long deadlineNs) {
        for (StepMetadata.Task load : step.loads()) {
            List<MemoryStore.Block> read = entries.get(load.request().id()).read;
            boolean over = store.has(StoreFault.LOADS_OVER_THE_COMPUTED_HEAD);
            for (int token = over ? 0 : load.fromToken(); token < load.toToken(); token++) {
                copy(layer, load.blocks(), token, read.get(token / SIZE).kv(), token % SIZE, false);
            }
        }
    }

    @Override
    public void saveLayer(int layer) {}

    @Override
    public boolean awaitSaves(long deadlineNs) {
        for (StepMetadata.Task save : step.saves()) {
            List<String> names = entries.get(save.request().id()).names;
            Runnable work = () -> save(save, names);
            if (store.has(StoreFault.SAVES_WHEN_THE_REQUEST_HAS_ENDED)) {
                late.add(work);
            } else {
                work.run();
            }
        }
        return true;
    }

    private void save(StepMetadata.Task save, List<String> names) {
        List<BlockHash> stored = new ArrayList<>();
        List<BlockHash> removed = new ArrayList<>();
        for (int from = save.fromToken(); from < save.toToken(); from += SIZE) {
            byte[] kv = new byte[Math.toIntExact(layout.layers() * layout.layerBytes(SIZE))];
            for (int layer = 0; layer < layout.layers(); layer++) {
                for (int i = 0; i < SIZE; i++) {
                    copy(layer, save.blocks(), from + i, kv, i, true);
                }
            }
            String name = names.get(from / SIZE);
            store.write(name, kv).forEach(old -> removed.add(hash(old)));
            stored.add(hash(name));
        }
        if (!store.has(StoreFault.TELLS_NOTHING)) {
            events.add(KvEvent.stored(SIZE, stored));
        }
        if (!removed.isEmpty() && !store.has(StoreFault.TELLS_NO_REMOVAL)) {
            events.add(KvEvent.removed(SIZE, removed));
        }
    }

    private BlockHash hash(String name) {
        return new BlockHash(name.substring(prefix.length()));
    }

    // One token of one layer: its keys, and its values.
    private void copy(
            int layer, BlockTable blocks, int token, byte[] kv, int inBlock, boolean out) {
        MemoryRegion region = regions.get(layer);
        int at = Math.toIntExact(layout.layerBytes(SIZE) * layer + layout.layerBytes(inBlock));
        ByteBuffer memory = region.buffer();
        for (Run run : layout.runs(blocks, token, token + 1, region.bytes())) {
            int offset = Math.toIntExact(run.offset());
            int bytes = Math.toIntExact(run.bytes());
            if (out) {
                memory.get(offset, kv, at, bytes);
            } else {
                memory.put(offset, kv, at, bytes);
            }
            at += bytes;
        }
    }

    @Override
    public WorkerReport pollFinished() {
        for (StepMetadata.Task load : step.loads()) {
            report(load.request().id());
        }
        step = StepMetadata.EMPTY;
        WorkerReport report = WorkerReport.of(List.of(), loaded, failed);
        loaded.clear();
        failed.clear();
        return report;
    }

    private void report(String id) {
        Entry entry = entries.get(id);
        boolean intact =
                store.has(StoreFault.TRUSTS_ITS_BYTES)
                        || store.has(StoreFault.REPORTS_A_BROKEN_LOAD_AS_LOADED)
                        || entry.read.stream().allMatch(MemoryStore.Block::intact);
        TransferOutcome.Builder outcome = TransferOutcome.builder(id);
        if (intact) {
            loaded.add(outcome.build());
        } else if (!store.has(StoreFault.SWALLOWS_A_BROKEN_LOAD)) {
            failed.add(outcome.failure(KvError.NO_SUCH_TRANSFER, "damaged=" + id).build());
        }
        letGo(entry);
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
        return CAPABILITIES;
    }

    @Override
    public Optional<HostPort> address() {
        return Optional.empty();
    }

    @Override
    public KvLedger ledger() {
        return KvLedger.builder().leases(held).transfers(late.size()).build();
    }

    @Override
    public List<KvMetric> metrics() {
        return List.of(KvMetric.gauge("held", "Blocks that were read.", Map.of(), held));
    }

    @Override
    public List<KvEvent> takeEvents() {
        List<KvEvent> taken = List.copyOf(events);
        if (!store.has(StoreFault.TELLS_TWICE)) {
            events.clear();
        }
        return taken;
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            store.onClosed();
        }
    }
}
