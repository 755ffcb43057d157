// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.wire;

import io.kvlink.benchmarks.measure.Machine;
import io.kvlink.benchmarks.measure.Table;
import io.kvlink.benchmarks.wire.node.EngineApi;
import io.kvlink.benchmarks.wire.node.Setup;
import io.kvlink.spi.KvRole;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** All series of one run of the wire tool, in order. One thread. */
final class WireRun {

    /** Keys and values of 8 heads of 128 elements of 2 bytes. */
    static final long LAYER_TOKEN_BYTES = 4096;

    private static final int PROBE_TOKENS = 1;
    private static final int FLOOR_ROUNDS = 50;
    private static final int LATER_WARM_UPS = 50;
    // Less than one layer of 16 tokens.
    private static final long SPILL_BUFFER_BYTES = 32 << 10;
    private static final long SPARE_BYTES = 64L << 20;

    private final WireOptions options;
    private final List<Integer> tokens;
    private final long tokenBytes;
    private final WireFloors floors;
    private final List<String> facts = new ArrayList<>();
    private final List<WireResult> results = new ArrayList<>();
    private final List<WireResult.Bulk> bulks = new ArrayList<>();

    WireRun(WireOptions options, List<Integer> tokens) {
        this.options = options;
        this.tokens = tokens;
        tokenBytes = LAYER_TOKEN_BYTES * options.layers;
        floors = new WireFloors(options.layers, LAYER_TOKEN_BYTES);
        facts.add(Machine.facts());
        facts.add(
                Table.number(
                        "%d layers of %d bytes a token, blocks of 16 tokens, keys first; engine threads spin %d us, then park",
                        options.layers, LAYER_TOKEN_BYTES, options.spinNs() / 1000));
    }

    List<String> facts() {
        return facts;
    }

    List<WireResult> results() {
        return results;
    }

    List<WireResult.Bulk> bulks() {
        return bulks;
    }

    WireFloors floors() {
        return floors;
    }

    /** Measures all setups of a plane with fresh processes. */
    void measure(Topology topology, String plane, boolean oneProcess) throws IOException {
        List<Integer> rows = topology.onePair() ? tokens : xTokens();
        int most = Collections.max(rows);
        List<Setup> setups =
                topology.onePair()
                        ? options.setups(plane)
                        : List.of(new Setup(plane, "PUT_ASYNC", 0, false));
        try (WireFleet fleet =
                new WireFleet(topology, options.producers(), options.consumers(), oneProcess)) {
            boolean gpu = setups.get(0).gpu();
            take(fleet, gpu, most);
            String clocks = fleet.compareClocks();
            if (topology.onePair()) {
                describe(fleet, setups.get(0));
                facts.add(plane + ": " + clocks);
            }
            if (gpu) {
                measure(fleet, null, setups, rows);
            } else {
                try (HostFloors host = new HostFloors(fleet)) {
                    measure(fleet, host, setups, rows);
                }
            }
        }
    }

    private void measure(
            WireFleet fleet, @Nullable HostFloors host, List<Setup> setups, List<Integer> rows) {
        int warmUps = options.warmUp;
        for (Setup setup : setups) {
            if (host == null) {
                floors.measure(fleet, setup, withProbe(rows), FLOOR_ROUNDS);
            } else {
                floors.measure(host, setup, withProbe(rows), FLOOR_ROUNDS);
            }
            if (!options.onlyFloors) {
                measure(fleet, host, setup, rows, warmUps);
            }
            warmUps = LATER_WARM_UPS;
        }
    }

    private List<Integer> xTokens() {
        List<Integer> rows = options.xTokens.stream().filter(tokens::contains).toList();
        return rows.isEmpty() ? List.of(Collections.max(tokens)) : rows;
    }

    private static List<Integer> withProbe(List<Integer> rows) {
        List<Integer> all = new ArrayList<>(List.of(PROBE_TOKENS));
        all.addAll(rows);
        return all;
    }

    private void take(WireFleet fleet, boolean gpu, int mostTokens) {
        fleet.tellAll(
                fleet.engines(),
                (engine, node) -> {
                    boolean producer = fleet.producers.contains(engine);
                    node.take(
                            new EngineApi.Shape(
                                    producer ? KvRole.PRODUCER : KvRole.CONSUMER,
                                    engine.ip(),
                                    options.layers,
                                    mostTokens,
                                    producer
                                            ? fleet.topology.consumers()
                                            : fleet.topology.producers(),
                                    !gpu
                                            ? -1
                                            : producer ? options.producerGpu : options.consumerGpu,
                                    options.ownStream,
                                    options.spinNs(),
                                    (long) (options.firstLayerMs * 1e6)));
                });
    }

    private void describe(WireFleet fleet, Setup setup) {
        WireFleet.Remote producer = fleet.producers.get(0);
        WireFleet.Remote consumer = fleet.consumers.get(0);
        if (setup.gpu()) {
            boolean nccl = setup.plane().equals("nccl");
            facts.add(
                    "%s: GPU %d %s; GPU %d %s"
                            .formatted(
                                    setup.plane(),
                                    options.producerGpu,
                                    fleet.ask(
                                            producer,
                                            node -> node.gpuFacts(options.producerGpu, nccl)),
                                    options.consumerGpu,
                                    fleet.ask(
                                            consumer,
                                            node -> node.gpuFacts(options.consumerGpu, nccl))));
        }
    }

    private void measure(
            WireFleet fleet,
            @Nullable HostFloors host,
            Setup setup,
            List<Integer> rows,
            int warmUps) {
        int most = Collections.max(rows);
        boolean onePair = fleet.topology.onePair();
        boolean plain = setup.sendType().equals("PUT_ASYNC") && !setup.spill();
        boolean bulk = onePair && plain && options.bulk;
        long slots = Math.max(fleet.topology.producers(), fleet.topology.consumers());
        long roomBytes =
                slots * most * tokenBytes * (bulk ? options.bulkRoom(setup.gpu()) : 2)
                        + SPARE_BYTES;
        double poolGib = setup.spill() ? Math.ceil(roomBytes / (double) (1L << 30)) + 1 : 0;
        try (WireSeries series =
                new WireSeries(
                        fleet,
                        setup,
                        floors,
                        onePair ? host : null,
                        options.layers,
                        setup.spill() ? SPILL_BUFFER_BYTES : roomBytes,
                        poolGib)) {
            series.warmUp(Collections.min(rows), warmUps);
            List<Integer> all = onePair && plain ? withProbe(rows) : rows;
            for (int count : all) {
                measure(fleet, series, setup, count, false);
                if (onePair
                        && plain
                        && setup.channels() == 0
                        && options.scattered.contains(count)) {
                    measure(fleet, series, setup, count, true);
                }
            }
            if (bulk) {
                boolean gpu = setup.gpu();
                bulks.add(series.bulk(most, options.bulkTransfers(gpu), options.bulkRoom(gpu)));
            }
        }
    }

    private void measure(
            WireFleet fleet, WireSeries series, Setup setup, int count, boolean scattered) {
        Double target = fleet.topology.onePair() ? Targets.ms(setup, count, options.layers) : null;
        WireResult result = series.measure(count, scattered, options.effort(count), target);
        results.add(result);
        System.err.printf(
                Locale.ROOT,
                "# %s %s %d tokens%s: p50 %.3f ms%n",
                fleet.topology.name(),
                setup,
                count,
                scattered ? ", scattered" : "",
                result.ms().p50());
    }
}
