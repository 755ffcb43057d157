// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.wire;

import io.kvlink.benchmarks.measure.Spread;
import io.kvlink.benchmarks.measure.Table;
import io.kvlink.benchmarks.wire.node.Setup;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One measured series. Times of a transfer are from before its producer's first {@code saveLayer}
 * until its consumer's stream has passed the last {@code awaitLayer}.
 *
 * @param topology which instances
 * @param setup how they are configured
 * @param tokens of a transfer
 * @param bytes of a transfer
 * @param scattered whether blocks lie in random order
 * @param pairs the times of each pair
 * @param aggregateGbs all bytes of a round by the time from the first start to the last end
 * @param saveUs the calls of {@code saveLayer}
 * @param connectorCpuUs what the connectors' Java threads use for a transfer, both sides together
 * @param processCpuUs what the processes use, spinning engine threads and all
 * @param engineKib what the engines' threads allocate for a transfer, both sides together
 * @param connectorKib what the connectors' Java threads allocate
 * @param firstMs the first transfer of these connectors, with handshake and all; NaN if another
 *     series had it
 * @param floor the same bytes without a connector
 * @param targetMs what is wanted; {@code null} for nothing
 */
record WireResult(
        String topology,
        Setup setup,
        int tokens,
        long bytes,
        boolean scattered,
        List<PairTimes> pairs,
        Spread aggregateGbs,
        Spread saveUs,
        double connectorCpuUs,
        double processCpuUs,
        double engineKib,
        double connectorKib,
        @Nullable Double firstMs,
        WireFloors.@Nullable Floor floor,
        @Nullable Double targetMs) {

    /**
     * One pair's times.
     *
     * @param pair who sends to whom
     * @param ms of a transfer
     */
    record PairTimes(String pair, Spread ms) {
        @Override
        public String toString() {
            return Table.number("%s %.2f (%.2f)", pair, ms.p50(), ms.p99());
        }
    }

    /**
     * Transfers that follow each other as fast as they are saved.
     *
     * @param setup how the connectors are configured
     * @param tokens of each
     * @param transfers how many in a round
     * @param room how many fit into the receive buffer
     * @param gbs from the first start to the last end
     * @param floor the same bytes without a connector
     */
    record Bulk(
            Setup setup,
            int tokens,
            int transfers,
            int room,
            Spread gbs,
            WireFloors.@Nullable Floor floor) {

        double share() {
            return floor == null ? Double.NaN : gbs.p50() / floor.backToBackGbs();
        }
    }

    /** The only pair's times. */
    Spread ms() {
        return pairs.get(0).ms;
    }

    double gbs() {
        return bytes / ms().p50() / 1e6;
    }

    double ratio() {
        return floor == null ? Double.NaN : ms().p50() / floor.ms().p50();
    }

    /** The slowest pair's median against what is left to it of the wire that all share. */
    double worstShare() {
        double worstMs = Spread.of(pairs, times -> times.ms.p50()).max();
        return floor == null ? Double.NaN : worstMs / (floor.ms().p50() * pairs.size());
    }
}
