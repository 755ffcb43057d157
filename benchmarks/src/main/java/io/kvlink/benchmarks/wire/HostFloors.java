// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.wire;

import io.kvlink.benchmarks.measure.Spread;
import io.kvlink.benchmarks.wire.WireFleet.Remote;
import io.kvlink.benchmarks.wire.node.FloorTimes;
import io.kvlink.benchmarks.wire.node.NodeCall;
import io.kvlink.benchmarks.wire.node.Usage;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongFunction;

/**
 * A bare socket, and a TCP plane without a connector, between the first producer and the first
 * consumer of a fleet. They stay open while connectors work, so that all can take turns. One
 * thread.
 */
final class HostFloors implements AutoCloseable {

    private static final int LEAST_TRANSFERS = 4;
    private static final long BATCH_BYTES = 256L << 20;
    private static final int BATCHES = 5;
    private static final int WARM_UPS = 5;

    /** Moves the first bytes of all layers, some times over; the time in ms. */
    private interface Wire {
        double ms(int bytes, int times);
    }

    private final WireFleet fleet;
    private final Remote producer;
    private final Remote consumer;
    private final String from;
    private final String to;
    private long ticket;

    /**
     * Connects.
     *
     * @param fleet engines with memory
     */
    HostFloors(WireFleet fleet) {
        this.fleet = fleet;
        producer = fleet.producers.get(0);
        consumer = fleet.consumers.get(0);
        int port = fleet.ask(consumer, NodeCall.NodeApi::listen);
        fleet.tell(producer, (engine, node) -> node.dial(consumer.ip(), port));
        fleet.tell(consumer, (engine, node) -> node.accept());
        from = fleet.ask(producer, NodeCall.NodeApi::openPlane);
        to = fleet.ask(consumer, NodeCall.NodeApi::openPlane);
    }

    /** Time of one transfer by the socket. */
    double socketMs(int bytes) {
        return socket(bytes, 1);
    }

    private double socket(int bytes, int times) {
        return ms(
                node -> node.receiveBare(bytes, times),
                atNs -> node -> node.sendBare(bytes, times, atNs));
    }

    private double plane(int bytes, int times) {
        long id = ++ticket;
        return ms(
                node -> node.receiveByPlane(from, id, bytes, times),
                atNs -> node -> node.sendByPlane(to, id, bytes, times, atNs));
    }

    private double ms(NodeCall.Command<Long> receive, LongFunction<NodeCall.Command<Long>> sendAt) {
        RemoteProcess.Call<Long> end = fleet.start(consumer, receive);
        fleet.await(end.begun());
        long atNs = fleet.there(producer, System.nanoTime() + WireSeries.LEAD_NS);
        long startNs = fleet.here(producer, fleet.ask(producer, sendAt.apply(atNs)));
        return (fleet.here(consumer, fleet.await(end.reply())) - startNs) / 1e6;
    }

    /**
     * Measures both in turns.
     *
     * @param layers of the engines
     * @param bytes of a layer
     * @param rounds of one transfer each
     * @return the socket's and the plane's
     */
    List<FloorTimes> measure(int layers, int bytes, int rounds) {
        List<Wire> wires = List.of(this::socket, this::plane);
        double[][] ms = new double[wires.size()][rounds];
        for (int round = -WARM_UPS; round < rounds; round++) {
            for (int wire = 0; wire < wires.size(); wire++) {
                double took = wires.get(wire).ms(bytes, 1);
                if (round >= 0) {
                    ms[wire][round] = took;
                }
            }
        }
        int times = (int) Math.max(LEAST_TRANSFERS, BATCH_BYTES / ((long) layers * bytes));
        double[][] batches = new double[wires.size()][BATCHES];
        double[] cpuMs = new double[wires.size()];
        for (int batch = -1; batch < BATCHES; batch++) {
            for (int wire = 0; wire < wires.size(); wire++) {
                Usage before = fleet.usage();
                double took = wires.get(wire).ms(bytes, times) / times;
                if (batch >= 0) {
                    batches[wire][batch] = took;
                    cpuMs[wire] +=
                            fleet.usage().minus(before).processCpuNs() / 1e6 / times / BATCHES;
                }
            }
        }
        List<FloorTimes> found = new ArrayList<>();
        for (int wire = 0; wire < wires.size(); wire++) {
            double backToBack = Spread.of(batches[wire]).p50();
            found.add(new FloorTimes(ms[wire], ms[wire], backToBack, cpuMs[wire]));
        }
        return found;
    }

    @Override
    public void close() {
        fleet.tellAll(List.of(producer, consumer), (engine, node) -> node.closeFloors());
    }
}
