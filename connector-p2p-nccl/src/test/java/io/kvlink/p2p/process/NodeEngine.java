// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.process;

import io.kvlink.p2p.P2pNcclConnectorProvider;
import io.kvlink.p2p.internal.cuda.DeviceKvMemory;
import io.kvlink.pool.BuddyHostPoolProvider;
import io.kvlink.spi.DType;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvLedger;
import io.kvlink.spi.TransferOutcome;
import io.kvlink.spi.TransferRoute;
import io.kvlink.tck.EngineOptions;
import io.kvlink.tck.EngineShape;
import io.kvlink.tck.FakeEngine;
import io.kvlink.tck.FakeKv;
import io.kvlink.tck.FakeRequest;
import io.kvlink.tck.KvMemory;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.IntConsumer;

/**
 * The fake engine of the conformance suite with one connector of a node. A request's prompt follows
 * from its seed, and its KV from the prompt, so that both ends know them. One thread.
 */
final class NodeEngine implements AutoCloseable {

    private static final int LAYERS = 8;
    private static final KvLayout LAYOUT =
            KvLayout.single("node-model", LAYERS, 8, 128, DType.BF16, 16);

    /** Bytes of one block in all layers. */
    static final long BLOCK_BYTES = LAYERS * LAYOUT.blockBytes();

    private static final int LAST_TOKEN = 1;
    private static final byte SCRIBBLE = 0x5E;
    private static final Duration STEP_LIMIT = Duration.ofSeconds(60);

    private final boolean producer;
    private final KvMemory memory;
    private final FakeKv kv;
    private final FakeEngine engine;
    // By their names; those whose end was told have blocks that the connector still owns.
    private final Map<String, FakeRequest> requests = new LinkedHashMap<>();
    private final Map<String, FakeRequest> ended = new LinkedHashMap<>();
    private final Consumer<String> events;

    /**
     * Opens a connector.
     *
     * @param settings {@code role plane mode port device blocks buffer timeout}
     * @param events told when a request has ended, as one line
     * @param beforeSave called before a prompt's layer is saved; may wait
     */
    NodeEngine(Map<String, String> settings, Consumer<String> events, IntConsumer beforeSave) {
        this.events = events;
        producer = settings.get("role").equals("kv_producer");
        int device = Integer.parseInt(settings.get("device"));
        memory = device < 0 ? KvMemory.direct() : DeviceKvMemory.of(device);
        EngineShape shape = new EngineShape(LAYOUT, Integer.parseInt(settings.get("blocks")), true);
        kv =
                new FakeKv(shape, memory, 1) {
                    @Override
                    public void compute(int layer, FakeRequest request, int from, int to) {
                        if (producer && from < to) {
                            beforeSave.accept(layer);
                        }
                        super.compute(layer, request, from, to);
                    }
                };
        engine =
                new FakeEngine(
                        "node",
                        new P2pNcclConnectorProvider(),
                        json(settings),
                        shape,
                        kv,
                        new EngineOptions(
                                STEP_LIMIT, 0, Optional.of(new BuddyHostPoolProvider()), () -> {}));
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
        return engine.address();
    }

    KvLedger ledger() {
        return engine.connector().ledger();
    }

    long deviceFree() {
        return memory instanceof DeviceKvMemory device ? device.freeBytes() : 0;
    }

    /** True if something is to be stepped for. */
    boolean busy() {
        return !requests.isEmpty() || !ended.isEmpty();
    }

    void add(String id, long seed, int tokens, TransferRoute route) {
        int[] prompt = new Random(seed).ints(tokens + LAST_TOKEN, 0, 50_000).toArray();
        requests.put(id, engine.add(Optional.of(route), prompt));
    }

    /**
     * Makes what is computed from now on late, on a GPU.
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
        byte[] scribble = new byte[Math.toIntExact(kv.regions().get(0).bytes())];
        Arrays.fill(scribble, SCRIBBLE);
        List<KvLayout.Run> all = List.of(new KvLayout.Run(0, scribble.length));
        kv.regions().forEach(region -> memory.write(region, all, scribble));
    }

    void step() {
        engine.step();
        for (String id : List.copyOf(requests.keySet())) {
            FakeRequest request = requests.get(id);
            String end = request.ended() ? end(request) : "";
            if (!end.isEmpty()) {
                requests.remove(id);
                ended.put(id, request);
                events.accept("END " + id + " " + end);
            }
        }
        for (String id : List.copyOf(ended.keySet())) {
            if (ended.get(id).released()) {
                engine.forget(ended.remove(id));
            }
        }
    }

    // Empty while the connector has still to report it.
    private String end(FakeRequest request) {
        if (!request.failures().isEmpty()) {
            return "FAILED " + request.failures().get(0);
        }
        try {
            engine.verify();
        } catch (AssertionError wrong) {
            return "WRONG " + wrong.getMessage();
        }
        return request.outcomes().stream().map(this::text).findFirst().orElse("");
    }

    private String text(TransferOutcome outcome) {
        return (producer ? "SENT " : "LOADED ") + outcome.plane() + " " + outcome.bytes();
    }

    @Override
    public void close() {
        engine.close();
    }
}
