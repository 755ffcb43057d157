// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.transfer;

import io.kvlink.spi.KvError;
import io.kvlink.spi.KvHistogram;
import io.kvlink.spi.KvMetric;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferOutcome;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.DoubleAdder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Counts what happens. Written by the control thread, read by any. */
public final class TransferStats {

    private static final Logger logger = LoggerFactory.getLogger(TransferStats.class);

    private record Key(String name, String help, Map<String, String> labels) {}

    private final Map<Key, DoubleAdder> counters = new ConcurrentHashMap<>();
    // By the labels of the wire.
    private final Map<Map<String, String>, KvHistogram> times = new ConcurrentHashMap<>();

    /** A transfer ended. */
    public void onOutcome(String direction, TransferOutcome outcome) {
        String ending = outcome.failure().map(KvError::name).orElse("DONE");
        add(
                "transfers_total",
                "Transfers that ended.",
                Map.of("direction", direction, "outcome", ending),
                1);
        Map<String, String> wire =
                Map.of(
                        "direction",
                        direction,
                        "plane",
                        outcome.plane().isEmpty() ? "none" : outcome.plane());
        add("transfer_bytes_total", "KV bytes that moved.", wire, (double) outcome.bytes());
        if (outcome.failure().isEmpty()) {
            // Failures are logged where they are noticed, with what is known there.
            logger.info(
                    "transfer={} direction={} plane={} bytes={} ms={}",
                    outcome.id().map(TransferId::toString).orElse("none"),
                    direction,
                    outcome.plane(),
                    outcome.bytes(),
                    outcome.nanos() / 1_000_000);
            times.computeIfAbsent(wire, labels -> KvHistogram.ofSeconds())
                    .observe(outcome.nanos() / 1e9);
        }
    }

    /** An offer found no memory. */
    public void onBusy() {
        add("busy_total", "Offers answered BUSY for lack of memory.", Map.of(), 1);
    }

    /** A frame did not decode. */
    public void onMalformedFrame() {
        add("malformed_frames_total", "Control frames that did not decode.", Map.of(), 1);
    }

    /** A peer didn't fit. */
    public void onHandshakeRefused() {
        add("handshakes_refused_total", "Peers whose layout or planes did not fit.", Map.of(), 1);
    }

    /** All figures now. */
    public List<KvMetric> metrics() {
        List<KvMetric> metrics = new ArrayList<>();
        counters.forEach(
                (key, value) ->
                        metrics.add(KvMetric.counter(key.name, key.help, key.labels, value.sum())));
        times.forEach(
                (labels, histogram) ->
                        metrics.add(
                                histogram.metric(
                                        "transfer_seconds",
                                        "Time that successful transfers took, from first save or"
                                                + " offer to last byte.",
                                        labels)));
        return metrics;
    }

    private void add(String name, String help, Map<String, String> labels, double amount) {
        counters.computeIfAbsent(new Key(name, help, labels), key -> new DoubleAdder()).add(amount);
    }
}
