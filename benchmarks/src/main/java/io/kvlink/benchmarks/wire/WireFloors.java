// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.wire;

import io.kvlink.benchmarks.measure.Spread;
import io.kvlink.benchmarks.wire.WireFleet.Remote;
import io.kvlink.benchmarks.wire.node.FloorTimes;
import io.kvlink.benchmarks.wire.node.NodeCall;
import io.kvlink.benchmarks.wire.node.Setup;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Times that a fleet's first producer and first consumer reach without a connector, kept for the
 * whole run.
 */
final class WireFloors {

    private static final String COPY_ENGINE = "copy engine";
    private static final String SOCKET = "socket";

    private static final String PLANE = "tcp plane alone";
    private static final int BATCH = 10;

    /**
     * One of them.
     *
     * @param kind which wire, and how
     * @param tokens the request's size
     * @param bytes of all layers
     * @param ms one transfer
     * @param wallMs one transfer, until the calling thread knows
     * @param backToBackGbs GB/s of transfers that follow each other without a gap
     * @param cpuMsPerGb processor time of these, both sides together; NaN on a GPU
     */
    record Floor(
            String kind,
            int tokens,
            long bytes,
            Spread ms,
            Spread wallMs,
            double backToBackGbs,
            double cpuMsPerGb) {

        /** Copy with the times of other rounds. */
        Floor with(Spread times) {
            return new Floor(kind, tokens, bytes, times, times, backToBackGbs, cpuMsPerGb);
        }

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

    private static String kind(Setup setup) {
        return switch (setup.plane()) {
            case "cuda-ipc" -> COPY_ENGINE;
            case "nccl" -> nccl(setup.channels());
            default -> SOCKET;
        };
    }

    private static String nccl(int channels) {
        return "NCCL" + (channels == 0 ? "" : " " + channels + " ch");
    }

    /** The floor of a setup, if it was measured. */
    @Nullable Floor of(Setup setup, int tokens) {
        return floors.get(new Key(kind(setup), tokens));
    }

    List<Floor> all() {
        return List.copyOf(floors.values());
    }

    /** Measures the floor of a setup between GPUs, unless it is known. */
    void measure(WireFleet fleet, Setup setup, List<Integer> tokens, int rounds) {
        List<Integer> missing = missing(setup, tokens);
        if (missing.isEmpty()) {
            return;
        }
        if (setup.plane().equals("nccl")) {
            nccl(fleet, setup.channels(), missing, rounds);
        } else {
            copyEngine(fleet, missing, rounds);
        }
        fleet.tellAll(fleet.engines(), (engine, node) -> node.closeFloors());
    }

    /** Measures socket and plane of a host, unless they are known. Overwrites KV memory. */
    void measure(HostFloors host, Setup setup, List<Integer> tokens, int rounds) {
        for (int count : missing(setup, tokens)) {
            int bytes = Math.toIntExact(count * layerTokenBytes);
            List<FloorTimes> times = host.measure(layers, bytes, rounds);
            put(SOCKET, count, times.get(0));
            put(PLANE, count, times.get(1));
        }
    }

    private List<Integer> missing(Setup setup, List<Integer> tokens) {
        return tokens.stream()
                .filter(count -> !floors.containsKey(new Key(kind(setup), count)))
                .toList();
    }

    private void copyEngine(WireFleet fleet, List<Integer> tokens, int rounds) {
        long stride = Collections.max(tokens) * layerTokenBytes;
        String handle = fleet.ask(fleet.consumers.get(0), node -> node.export(layers, stride));
        for (int count : tokens) {
            long bytes = count * layerTokenBytes;
            put(
                    COPY_ENGINE,
                    count,
                    fleet.ask(
                            fleet.producers.get(0),
                            node -> node.copy(handle, layers, stride, bytes, rounds, BATCH)));
        }
    }

    private void nccl(WireFleet fleet, int channels, List<Integer> tokens, int rounds) {
        Remote producer = fleet.producers.get(0);
        List<Remote> both = List.of(producer, fleet.consumers.get(0));
        String name = fleet.ask(producer, NodeCall.NodeApi::ncclName);
        long stride = Collections.max(tokens) * layerTokenBytes;
        fleet.tellAll(
                both,
                (engine, node) ->
                        node.ncclOpen(
                                name, engine.equals(producer) ? 0 : 1, channels, layers, stride));
        for (int count : tokens) {
            long bytes = count * layerTokenBytes;
            String kind = nccl(channels);
            put(kind, count, ncclMove(fleet, both, bytes, layers, rounds));
            put(kind + ", one message", count, ncclMove(fleet, both, bytes * layers, 1, rounds));
        }
    }

    private static FloorTimes ncclMove(
            WireFleet fleet, List<Remote> both, long bytes, int messages, int rounds) {
        return fleet.askAll(
                        both,
                        (engine, node) -> {
                            boolean sends = engine.equals(both.get(0));
                            return node.ncclMove(sends, bytes, messages, rounds, BATCH);
                        })
                .get(0);
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
                        bytes / times.backToBackMs() / 1e6,
                        times.cpuMs() / bytes * 1e9));
    }
}
