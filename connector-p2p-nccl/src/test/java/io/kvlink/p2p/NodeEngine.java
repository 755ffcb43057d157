// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

import io.kvlink.p2p.internal.cuda.DeviceKvMemory;
import io.kvlink.pool.BuddyHostPoolProvider;
import io.kvlink.spi.BlockOwnership;
import io.kvlink.spi.BlockTable;
import io.kvlink.spi.DType;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvLedger;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvTransferConfig;
import io.kvlink.spi.LoadDecision;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.StepMetadata;
import io.kvlink.spi.StepPlan;
import io.kvlink.spi.TransferOutcome;
import io.kvlink.spi.TransferRoute;
import io.kvlink.spi.WorkerReport;
import io.kvlink.tck.KvMemory;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.IntConsumer;
import java.util.function.Supplier;

/**
 * One connector with an engine around it that moves random bytes: those of a request follow from
 * its seed, so that both ends know them. One thread.
 */
final class NodeEngine implements AutoCloseable {

    private static final int LAYERS = 8;
    private static final int BLOCK_SIZE = 16;

    /** Bytes of one block in all layers. */
    static final int BLOCK_BYTES = LAYERS * BLOCK_SIZE * 4096;

    private static final int LAST_TOKEN = 1;
    private static final byte POISON = (byte) 0xE5;

    private static final class Request {
        private final KvRequest kv;
        private final long seed;
        private final boolean producer;
        private BlockTable blocks = BlockTable.of();
        private boolean running;
        private boolean done;
        private boolean owned;

        private Request(KvRequest kv, long seed, boolean producer) {
            this.kv = kv;
            this.seed = seed;
            this.producer = producer;
        }
    }

    private final KvLayout layout =
            KvLayout.single("node-model", LAYERS, 8, 128, DType.BF16, BLOCK_SIZE);
    private final boolean producer;
    private final KvMemory memory;
    private final List<MemoryRegion> regions;
    private final Deque<Integer> free = new ArrayDeque<>();
    private final KvConnector connector;
    private final Map<String, Request> requests = new LinkedHashMap<>();
    private final Consumer<String> events;
    private final IntConsumer beforeSave;

    /**
     * Opens a connector.
     *
     * @param settings {@code role plane mode port device blocks buffer timeout}
     * @param events told when a request has ended, as one line
     * @param beforeSave called before a layer is saved; may wait
     */
    NodeEngine(Map<String, String> settings, Consumer<String> events, IntConsumer beforeSave) {
        this.events = events;
        this.beforeSave = beforeSave;
        this.producer = settings.get("role").equals("kv_producer");
        int device = Integer.parseInt(settings.get("device"));
        int blocks = Integer.parseInt(settings.get("blocks"));
        memory = device < 0 ? KvMemory.direct() : DeviceKvMemory.of(device);
        regions = memory.allocate(LAYERS, blocks * layout.blockBytes());
        for (int block = 0; block < blocks; block++) {
            free.add(block);
        }
        connector =
                new P2pNcclConnectorProvider()
                        .create(
                                KvTransferConfig.of(json(settings)),
                                new KvConnectorContext(
                                        layout,
                                        memory.device(),
                                        Optional.of(new BuddyHostPoolProvider()),
                                        0,
                                        () -> {}));
        connector.worker().registerKvMemory(regions);
    }

    private static Map<String, Object> json(Map<String, String> settings) {
        int timeout = Integer.parseInt(settings.get("timeout"));
        return Map.of(
                "kv_connector",
                P2pNcclConnectorProvider.NAME,
                "kv_role",
                settings.get("role"),
                "kv_port",
                settings.get("port"),
                "kv_buffer_size",
                settings.get("buffer"),
                "kv_connector_extra_config",
                Map.of(
                        "send_type",
                        settings.get("mode"),
                        "data_plane",
                        settings.get("plane"),
                        "mem_pool_size_gb",
                        0.25,
                        "transfer_timeout_s",
                        timeout,
                        "get_lease_s",
                        timeout,
                        "unclaimed_ttl_s",
                        timeout,
                        "handshake_timeout_s",
                        // A process that has just begun loads classes first, on a busy machine
                        // slowly.
                        Math.max(1, timeout * 3 / 4),
                        "peer_timeout_s",
                        3));
    }

    HostPort address() {
        return connector.address();
    }

    KvLedger ledger() {
        return connector.ledger();
    }

    long deviceFree() {
        return memory instanceof DeviceKvMemory device ? device.freeBytes() : 0;
    }

    /** True if something is to be stepped for. */
    boolean busy() {
        return !requests.isEmpty();
    }

    void add(String id, long seed, int tokens, TransferRoute route) {
        int[] prompt = new Random(seed).ints(tokens + LAST_TOKEN, 0, 50_000).toArray();
        Request request =
                new Request(new KvRequest(id, Optional.of(route), prompt), seed, producer);
        requests.put(id, request);
        connector.scheduler().onRequestAdded(request.kv);
    }

    /**
     * Delays all further computations on a GPU.
     *
     * @param times how often 50 ms
     */
    void delay(int times) {
        for (int i = 0; i < times; i++) {
            memory.delay();
        }
    }

    /** Overwrites all blocks, late; none is a request's. */
    void scribbleLate() {
        delay(1);
        byte[] poison = new byte[Math.toIntExact(regions.get(0).bytes())];
        Arrays.fill(poison, POISON);
        List<KvLayout.Run> all = List.of(new KvLayout.Run(0, poison.length));
        regions.forEach(region -> memory.write(region, all, poison));
    }

    void step() {
        memory.enter();
        List<StepPlan.Entry> entries = plan();
        StepMetadata step = connector.scheduler().buildStep(new StepPlan(entries));
        long deadlineNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        connector.worker().startLoad(step);
        List<Supplier<byte[]>> read = new ArrayList<>();
        for (int layer = 0; layer < LAYERS; layer++) {
            connector.worker().awaitLayer(layer, deadlineNs);
            MemoryRegion region = regions.get(layer);
            if (!step.loads().isEmpty()) {
                read.add(memory.read(region));
            }
            if (!step.saves().isEmpty()) {
                beforeSave.accept(layer);
            }
            for (StepMetadata.Task save : step.saves()) {
                Request request = requests.get(save.request().id());
                memory.write(region, runs(request), content(request, layer));
            }
            connector.worker().saveLayer(layer);
        }
        connector.worker().awaitSaves(deadlineNs);
        WorkerReport report = connector.worker().pollFinished();
        connector.scheduler().onStepDone(report);
        apply(report, read.stream().map(Supplier::get).toList());
        for (StepPlan.Entry entry : entries) {
            Request request = requests.get(entry.request().id());
            if (request != null && !request.done) {
                finish(request);
            }
        }
    }

    private List<StepPlan.Entry> plan() {
        List<StepPlan.Entry> entries = new ArrayList<>();
        for (Request request : List.copyOf(requests.values())) {
            int needed = (request.kv.promptTokens().length + BLOCK_SIZE - 1) / BLOCK_SIZE;
            if (request.running || request.done || free.size() < needed) {
                continue;
            }
            LoadDecision decision = connector.scheduler().matchedTokens(request.kv, 0);
            if (decision instanceof LoadDecision.Failed failed) {
                end(request, "FAILED " + failed.error() + " " + failed.detail());
            } else if (decision instanceof LoadDecision.Load load) {
                int[] blocks = new int[needed];
                Arrays.setAll(blocks, i -> free.remove());
                request.blocks = BlockTable.of(blocks);
                request.running = true;
                connector.scheduler().onBlocksAllocated(request.kv, request.blocks, load.tokens());
                int left = request.kv.promptTokens().length - load.tokens();
                entries.add(new StepPlan.Entry(request.kv, request.blocks, load.tokens(), left));
            }
        }
        return entries;
    }

    private void apply(WorkerReport report, List<byte[]> read) {
        for (TransferOutcome sent : report.sent()) {
            Request request = requests.get(sent.requestId());
            if (!request.done) {
                finish(request);
            }
            if (request.owned) {
                giveBack(request);
            }
            end(request, text("SENT", sent));
        }
        for (TransferOutcome loaded : report.loaded()) {
            Request request = requests.get(loaded.requestId());
            String wrong = firstWrong(request, read);
            finish(request);
            end(request, wrong.isEmpty() ? text("LOADED", loaded) : "WRONG " + wrong);
        }
        for (TransferOutcome failed : report.failedLoads()) {
            Request request = requests.get(failed.requestId());
            finish(request);
            end(request, text("LOADED", failed));
        }
    }

    private static String text(String what, TransferOutcome outcome) {
        return outcome.failure()
                .map(error -> "FAILED " + error + " " + outcome.detail())
                .orElse(what + " " + outcome.plane() + " " + outcome.bytes());
    }

    // The prompt is computed, or nothing more is to be done for it.
    private void finish(Request request) {
        request.done = true;
        BlockOwnership ownership = connector.scheduler().onRequestFinished(request.kv);
        request.owned = ownership == BlockOwnership.CONNECTOR_OWNS;
        if (!request.owned) {
            giveBack(request);
        }
        if (!request.producer) {
            requests.remove(request.kv.id());
        }
    }

    private void end(Request request, String how) {
        if (!request.done) {
            finish(request);
        }
        requests.remove(request.kv.id());
        events.accept("END " + request.kv.id() + " " + how);
    }

    // What comes later must not find the right bytes there already.
    private void giveBack(Request request) {
        request.owned = false;
        int bytes = Math.toIntExact(runs(request).stream().mapToLong(KvLayout.Run::bytes).sum());
        byte[] poison = new byte[bytes];
        Arrays.fill(poison, POISON);
        for (MemoryRegion region : regions) {
            if (bytes > 0) {
                memory.write(region, runs(request), poison);
            }
        }
        for (int i = 0; i < request.blocks.size(); i++) {
            free.add(request.blocks.block(i));
        }
        request.blocks = BlockTable.of();
    }

    private List<KvLayout.Run> runs(Request request) {
        int tokens = request.blocks.size() == 0 ? 0 : request.kv.transferTokens();
        return layout.runs(request.blocks, 0, tokens, regions.get(0).bytes());
    }

    private byte[] content(Request request, int layer) {
        byte[] content = new byte[Math.toIntExact(layout.layerBytes(request.kv.transferTokens()))];
        new Random(request.seed * LAYERS + layer).nextBytes(content);
        return content;
    }

    private String firstWrong(Request request, List<byte[]> read) {
        for (int layer = 0; layer < LAYERS; layer++) {
            byte[] all = read.get(layer);
            byte[] expected = content(request, layer);
            int at = 0;
            for (KvLayout.Run run : runs(request)) {
                int first = Math.toIntExact(run.offset());
                int bytes = Math.toIntExact(run.bytes());
                int wrong = Arrays.mismatch(all, first, first + bytes, expected, at, at + bytes);
                if (wrong >= 0) {
                    return "layer=%d byte=%d is=0x%02x expected=0x%02x"
                            .formatted(layer, at + wrong, all[first + wrong], expected[at + wrong]);
                }
                at += bytes;
            }
        }
        return "";
    }

    @Override
    public void close() {
        memory.enter();
        try {
            connector.close();
        } finally {
            memory.close();
        }
    }
}
