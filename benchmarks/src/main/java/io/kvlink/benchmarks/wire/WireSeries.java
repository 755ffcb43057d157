// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.wire;

import io.kvlink.benchmarks.measure.Spread;
import io.kvlink.benchmarks.wire.WireFleet.Remote;
import io.kvlink.benchmarks.wire.node.EngineApi;
import io.kvlink.benchmarks.wire.node.Hop;
import io.kvlink.benchmarks.wire.node.Setup;
import io.kvlink.benchmarks.wire.node.Usage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The series of one setup, over connectors that are opened for it. One thread. */
final class WireSeries implements AutoCloseable {

    /** Lead of a round: all engines know of it by then and are quiet. */
    static final long LEAD_NS = TimeUnit.MILLISECONDS.toNanos(1);

    private static final Random RANDOM = new Random();
    private static final int BULK_ROUNDS = 5;

    /**
     * Amount that is measured.
     *
     * @param warmUps rounds before
     * @param rounds at most
     * @param limitNs no more rounds after this time, but {@link #LEAST_ROUNDS}
     */
    record Effort(int warmUps, int rounds, long limitNs) {}

    static final int LEAST_ROUNDS = 10;

    // Rounds of connectors between two looks at the floor.
    private static final int TURN = 10;

    /** Times of one round. */
    @SuppressWarnings("ArrayRecordComponent")
    private record Round(
            double[] pairMs,
            double spanMs,
            List<EngineApi.Sent> sent,
            List<EngineApi.Received> received) {

        long engineBytes() {
            return sent.stream().mapToLong(EngineApi.Sent::allocatedBytes).sum()
                    + received.stream().mapToLong(EngineApi.Received::allocatedBytes).sum();
        }
    }

    private final WireFleet fleet;
    private final Setup setup;
    private final WireFloors floors;
    private final @Nullable HostFloors turns;
    private final int layers;
    private final long tokenBytes;
    private final Map<Remote, String> addresses = new HashMap<>();
    private @Nullable Double firstMs;

    /**
     * Opens the connectors.
     *
     * @param fleet engines with memory
     * @param setup how to configure them
     * @param floors what they are compared with
     * @param turns takes turns with the connectors; {@code null} for the floors as they are
     * @param layers of the engines
     * @param bufferBytes {@code kv_buffer_size}
     * @param poolGib {@code mem_pool_size_gb}
     */
    WireSeries(
            WireFleet fleet,
            Setup setup,
            WireFloors floors,
            @Nullable HostFloors turns,
            int layers,
            long bufferBytes,
            double poolGib) {
        this.fleet = fleet;
        this.setup = setup;
        this.floors = floors;
        this.turns = turns;
        this.layers = layers;
        tokenBytes = WireRun.LAYER_TOKEN_BYTES * layers;
        connect(fleet.consumers, bufferBytes, poolGib);
        connect(fleet.producers, bufferBytes, poolGib);
    }

    private void connect(List<Remote> engines, long bufferBytes, double poolGib) {
        List<String> found =
                fleet.askAll(engines, (engine, node) -> node.connect(setup, bufferBytes, poolGib));
        for (int i = 0; i < found.size(); i++) {
            addresses.put(engines.get(i), found.get(i));
        }
    }

    /** Rounds that nobody counts; the first one is the first transfer of the connectors. */
    void warmUp(int tokens, int rounds) {
        for (int i = 0; i < rounds; i++) {
            Round round = round(tokens, false, 1);
            if (firstMs == null) {
                firstMs = round.spanMs;
            }
        }
    }

    /** Measures transfers of one size, one at a time for each pair, and checks what has come. */
    WireResult measure(int tokens, boolean scattered, Effort effort, @Nullable Double targetMs) {
        fleet.followClocks();
        fillAndPoison(tokens, scattered, 1);
        for (int i = 0; i < effort.warmUps; i++) {
            round(tokens, scattered, 1);
        }
        List<Round> rounds = new ArrayList<>();
        List<Double> floorMs = new ArrayList<>();
        Usage used = new Usage(0, 0, 0);
        long startNs = System.nanoTime();
        while (rounds.size() < effort.rounds
                && (rounds.size() < LEAST_ROUNDS || System.nanoTime() - startNs < effort.limitNs)) {
            int turn = Math.min(TURN, effort.rounds - rounds.size());
            Usage before = fleet.usage();
            for (int i = 0; i < turn; i++) {
                rounds.add(round(tokens, scattered, 1));
            }
            used = used.plus(fleet.usage().minus(before));
            for (int i = 0; i < turn && turns != null; i++) {
                floorMs.add(turns.socketMs(Math.toIntExact(tokens * tokenBytes / layers)));
            }
        }
        if (turns == null) { // Else a socket has written there last.
            requireRight(tokens, scattered, 1);
        }
        fillAndPoison(tokens, scattered, 2);
        round(tokens, scattered, 1);
        requireRight(tokens, scattered, 2);
        WireFloors.Floor floor = floors.of(setup, tokens);
        if (floor != null && !floorMs.isEmpty()) {
            floor = floor.with(Spread.of(floorMs));
        }
        return result(tokens, scattered, rounds, used, floor, targetMs);
    }

    private WireResult result(
            int tokens,
            boolean scattered,
            List<Round> rounds,
            Usage used,
            WireFloors.@Nullable Floor floor,
            @Nullable Double targetMs) {
        List<Topology.Pair> pairs = fleet.topology.pairs();
        long bytes = tokens * tokenBytes;
        double transfers = (double) rounds.size() * pairs.size();
        List<WireResult.PairTimes> times = new ArrayList<>();
        for (int i = 0; i < pairs.size(); i++) {
            int pair = i;
            double[] ms = rounds.stream().mapToDouble(round -> round.pairMs[pair]).toArray();
            times.add(new WireResult.PairTimes(pairs.get(i).toString(), Spread.of(ms)));
        }
        double[] gbs =
                rounds.stream()
                        .mapToDouble(round -> bytes * pairs.size() / round.spanMs / 1e6)
                        .toArray();
        double[] saveUs =
                rounds.stream()
                        .flatMap(round -> round.sent.stream())
                        .flatMapToDouble(sent -> Arrays.stream(sent.saveNs()).mapToDouble(ns -> ns))
                        .map(ns -> ns / 1e3)
                        .toArray();
        long engineBytes = rounds.stream().mapToLong(Round::engineBytes).sum();
        Double first = firstMs;
        firstMs = Double.NaN;
        return new WireResult(
                fleet.topology.name(),
                setup,
                tokens,
                bytes,
                scattered,
                times,
                Spread.of(gbs),
                Spread.of(saveUs),
                used.connectorCpuNs() / transfers / 1e3,
                used.processCpuNs() / transfers / 1e3,
                engineBytes / transfers / 1024,
                used.connectorBytes() / transfers / 1024,
                first == null || first.isNaN() ? null : first,
                floor,
                targetMs);
    }

    /** Measures transfers that follow each other, each begun when the one before is saved. */
    WireResult.Bulk bulk(int tokens, int transfers, int room) {
        fleet.followClocks();
        fillAndPoison(tokens, false, 3);
        double[] gbs = new double[BULK_ROUNDS];
        for (int i = -1; i < BULK_ROUNDS; i++) {
            double ms = round(tokens, false, transfers).spanMs;
            if (i >= 0) {
                gbs[i] = tokens * tokenBytes * transfers / ms / 1e6;
            }
        }
        requireRight(tokens, false, 3);
        return new WireResult.Bulk(
                setup, tokens, transfers, room, Spread.of(gbs), floors.of(setup, tokens));
    }

    private Round round(int tokens, boolean scattered, int steps) {
        List<List<Hop>> bySteps = new ArrayList<>();
        for (int i = 0; i < steps; i++) {
            bySteps.add(hops(tokens, scattered));
        }
        List<RemoteProcess.Call<EngineApi.Received>> receives = new ArrayList<>();
        List<List<Hop>> expected = new ArrayList<>();
        for (int consumer = 0; consumer < fleet.consumers.size(); consumer++) {
            int index = consumer;
            List<Hop> hops =
                    bySteps.stream()
                            .flatMap(List::stream)
                            .filter(hop -> hop.consumer() == index)
                            .toList();
            expected.add(hops);
            receives.add(fleet.start(fleet.consumers.get(consumer), node -> node.receive(hops)));
        }
        receives.forEach(call -> fleet.await(call.begun()));
        long atNs = System.nanoTime() + LEAD_NS;
        List<RemoteProcess.Call<EngineApi.Sent>> sends = new ArrayList<>();
        for (int producer = 0; producer < fleet.producers.size(); producer++) {
            int index = producer;
            List<List<Hop>> mine =
                    bySteps.stream()
                            .map(
                                    step ->
                                            step.stream()
                                                    .filter(hop -> hop.producer() == index)
                                                    .toList())
                            .toList();
            Remote engine = fleet.producers.get(index);
            sends.add(fleet.start(engine, node -> node.send(mine, fleet.there(engine, atNs))));
        }
        List<EngineApi.Sent> sent = sends.stream().map(call -> fleet.await(call.reply())).toList();
        List<EngineApi.Received> received =
                receives.stream().map(call -> fleet.await(call.reply())).toList();
        return round(expected, sent, received);
    }

    private Round round(
            List<List<Hop>> expected,
            List<EngineApi.Sent> sent,
            List<EngineApi.Received> received) {
        double[] pairMs = new double[fleet.topology.pairs().size()];
        long startNs = Long.MAX_VALUE;
        long endNs = Long.MIN_VALUE;
        long[] starts = new long[sent.size()];
        for (int producer = 0; producer < starts.length; producer++) {
            EngineApi.Sent one = sent.get(producer);
            if (!one.plane().equals(setup.plane())) {
                throw new IllegalStateException(
                        "plane=" + one.plane() + " instead of " + setup.plane());
            }
            starts[producer] = fleet.here(fleet.producers.get(producer), one.startNs());
            startNs = Math.min(startNs, starts[producer]);
        }
        for (int consumer = 0; consumer < received.size(); consumer++) {
            long[] ends = received.get(consumer).endNs();
            for (int i = 0; i < ends.length; i++) {
                Hop hop = expected.get(consumer).get(i);
                long oneNs = fleet.here(fleet.consumers.get(consumer), ends[i]);
                pairMs[hop.pair()] = (oneNs - starts[hop.producer()]) / 1e6;
                endNs = Math.max(endNs, oneNs);
            }
        }
        return new Round(pairMs, (endNs - startNs) / 1e6, sent, received);
    }

    private List<Hop> hops(int tokens, boolean scattered) {
        List<Hop> hops = new ArrayList<>();
        List<Topology.Pair> pairs = fleet.topology.pairs();
        for (int pair = 0; pair < pairs.size(); pair++) {
            int producer = pairs.get(pair).producer();
            int consumer = pairs.get(pair).consumer();
            hops.add(
                    new Hop(
                            producer,
                            consumer,
                            pair,
                            address(fleet.producers.get(producer)),
                            address(fleet.consumers.get(consumer)),
                            RANDOM.nextLong(),
                            RANDOM.nextLong(),
                            tokens,
                            scattered));
        }
        return hops;
    }

    private String address(Remote engine) {
        String address = addresses.get(engine);
        if (address == null) {
            throw new IllegalStateException("not connected: " + engine.name());
        }
        return address;
    }

    private void fillAndPoison(int tokens, boolean scattered, int what) {
        List<Hop> hops = hops(tokens, scattered);
        long seed = seed(tokens, scattered, what);
        fleet.tellAll(fleet.producers, (engine, node) -> node.fill(of(hops, engine), seed));
        fleet.tellAll(fleet.consumers, (engine, node) -> node.poison());
    }

    private void requireRight(int tokens, boolean scattered, int what) {
        List<Hop> hops = hops(tokens, scattered);
        long seed = seed(tokens, scattered, what);
        List<EngineApi.Wrong> wrong =
                fleet.askAll(fleet.consumers, (engine, node) -> node.check(of(hops, engine), seed));
        for (EngineApi.Wrong words : wrong) {
            if (words.different() != 0 || words.stray() != 0) {
                throw new IllegalStateException(
                        "%s %s tokens=%d scattered=%s: wrong contents %s"
                                .formatted(fleet.topology.name(), setup, tokens, scattered, words));
            }
        }
    }

    private List<Hop> of(List<Hop> hops, Remote engine) {
        int producer = fleet.producers.indexOf(engine);
        int consumer = fleet.consumers.indexOf(engine);
        return hops.stream()
                .filter(hop -> hop.producer() == producer || hop.consumer() == consumer)
                .toList();
    }

    private long seed(int tokens, boolean scattered, int what) {
        long name = 31L * (31L * setup.hashCode() + tokens) + (scattered ? 16 : 0) + what;
        return (name << 8 | 1) * 0x9E3779B97F4A7C15L; // Neither poison, nor a neighbour's.
    }

    /** Closes the connectors. */
    @Override
    public void close() {
        fleet.tellAll(fleet.producers, (engine, node) -> node.disconnect());
        fleet.tellAll(fleet.consumers, (engine, node) -> node.disconnect());
    }
}
