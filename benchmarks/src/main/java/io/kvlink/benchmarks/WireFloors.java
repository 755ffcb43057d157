// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks;

import io.kvlink.benchmarks.WireFleet.Remote;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Times that a fleet's first producer and first consumer reach without a connector, kept for the
 * whole run.
 */
final class WireFloors {

    static final String COPY_ENGINE = "copy engine";
    static final String SOCKET = "socket";

    private static final int BATCH = 10;
    private static final int SOCKET_BATCH = 4;
    private static final int SOCKET_BATCHES = 5;
    private static final int SOCKET_WARM_UPS = 5;

    /**
     * One of them.
     *
     * @param kind which wire, and how
     * @param tokens the request's size
     * @param bytes of all layers
     * @param ms one transfer
     * @param wallMs one transfer, until the calling thread knows
     * @param backToBackGbs GB/s of transfers that follow each other without a gap
     */
    record Floor(
            String kind, int tokens, long bytes, Spread ms, Spread wallMs, double backToBackGbs) {

        double gbs() {
            return bytes / ms.p50() / 1e6;
        }
    }

    private record Key(String kind, int tokens) {}

    private final Map<Key, Floor> floors = new LinkedHashMap<>();
    private final int layers;
    private final long layerTokenBytes;

    WireFloors(int layers, long layerTokenBytes) {
        this.layers = layers;
        this.layerTokenBytes = layerTokenBytes;
    }

    static String nccl(int channels) {
        return "NCCL" + (channels == 0 ? "" : " " + channels + " ch");
    }

    /** The floor of a setup, if it was measured. */
    @Nullable Floor of(Setup setup, int tokens) {
        return floors.get(new Key(setup.floor(), tokens));
    }

    List<Floor> all() {
        return List.copyOf(floors.values());
    }

    /** Measures what a setup needs and nobody has measured yet. Overwrites KV memory. */
    void measure(WireFleet fleet, Setup setup, List<Integer> tokens, int rounds) {
        List<Integer> missing =
                tokens.stream()
                        .filter(count -> !floors.containsKey(new Key(setup.floor(), count)))
                        .toList();
        if (missing.isEmpty()) {
            return;
        }
        Remote producer = fleet.producers.get(0);
        Remote consumer = fleet.consumers.get(0);
        switch (setup.plane()) {
            case "cuda-ipc" -> copyEngine(fleet, producer, consumer, missing, rounds);
            case "nccl" -> nccl(fleet, producer, consumer, setup.channels(), missing, rounds);
            default -> socket(fleet, producer, consumer, missing, rounds);
        }
    }

    private void copyEngine(
            WireFleet fleet, Remote producer, Remote consumer, List<Integer> tokens, int rounds) {
        String handle = fleet.ask(consumer, new FloorCommands.Export());
        for (int count : tokens) {
            FloorCommands.Copy copy =
                    new FloorCommands.Copy(handle, count * layerTokenBytes, rounds, BATCH);
            put(COPY_ENGINE, count, fleet.ask(producer, copy));
        }
    }

    private void nccl(
            WireFleet fleet,
            Remote producer,
            Remote consumer,
            int channels,
            List<Integer> tokens,
            int rounds) {
        String name = fleet.ask(producer, new FloorCommands.NcclName());
        List<Remote> both = List.of(producer, consumer);
        fleet.askAll(
                both,
                engine ->
                        new FloorCommands.NcclOpen(
                                name, engine.equals(producer) ? 0 : 1, channels));
        for (int count : tokens) {
            long bytes = count * layerTokenBytes;
            String kind = nccl(channels);
            put(kind, count, ncclMove(fleet, both, bytes, layers, rounds));
            put(kind + ", one message", count, ncclMove(fleet, both, bytes * layers, 1, rounds));
        }
        fleet.askAll(both, engine -> new FloorCommands.Close());
    }

    private static FloorTimes ncclMove(
            WireFleet fleet, List<Remote> both, long bytes, int messages, int rounds) {
        return fleet.askAll(
                        both,
                        engine ->
                                new FloorCommands.NcclMove(
                                        engine.equals(both.get(0)), bytes, messages, rounds, BATCH))
                .get(0);
    }

    private void socket(
            WireFleet fleet, Remote producer, Remote consumer, List<Integer> tokens, int rounds) {
        int port = fleet.ask(consumer, new FloorCommands.Listen());
        fleet.ask(producer, new FloorCommands.Dial(port));
        fleet.ask(consumer, new FloorCommands.Accept());
        for (int count : tokens) {
            int bytes = Math.toIntExact(count * layerTokenBytes);
            List<Double> ms = new ArrayList<>();
            for (int round = -SOCKET_WARM_UPS; round < rounds; round++) {
                double took = stream(fleet, producer, consumer, bytes, 1);
                if (round >= 0) {
                    ms.add(took);
                }
            }
            double[] all = ms.stream().mapToDouble(Double::doubleValue).toArray();
            double[] batches = new double[SOCKET_BATCHES];
            for (int i = 0; i < SOCKET_BATCHES; i++) {
                batches[i] = stream(fleet, producer, consumer, bytes, SOCKET_BATCH) / SOCKET_BATCH;
            }
            put(SOCKET, count, new FloorTimes(all, all, Spread.of(batches).p50()));
        }
        fleet.askAll(List.of(producer, consumer), engine -> new FloorCommands.Close());
    }

    private static double stream(
            WireFleet fleet, Remote producer, Remote consumer, int bytes, int times) {
        RemoteProcess.Call<Long> end =
                fleet.start(consumer, new FloorCommands.Stream(false, bytes, times, 0));
        fleet.await(end.begun());
        long atNs = System.nanoTime() + WireSeries.LEAD_NS;
        long startNs = fleet.ask(producer, new FloorCommands.Stream(true, bytes, times, atNs));
        return (fleet.await(end.reply()) - startNs) / 1e6;
    }

    private void put(String kind, int tokens, FloorTimes times) {
        long bytes = tokens * layerTokenBytes * layers;
        floors.put(
                new Key(kind, tokens),
                new Floor(
                        kind,
                        tokens,
                        bytes,
                        Spread.of(times.ms()),
                        Spread.of(times.wallMs()),
                        bytes / times.backToBackMs() / 1e6));
    }
}
