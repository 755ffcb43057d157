// SPDX-License-Identifier: Apache-2.0
package io.kvlink.multi;

import io.kvlink.spi.Availability;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvCapability;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvEvent;
import io.kvlink.spi.KvLedger;
import io.kvlink.spi.KvMetric;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.KvWorker;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Several connectors at work as one. */
final class MultiConnector implements KvConnector {

    // A whole has these only if each part has them.
    private static final Set<KvCapability> OF_ALL =
            EnumSet.of(KvCapability.BOTH_ROLES, KvCapability.CHUNKED_PREFILL);

    private final List<Part> parts;
    private final Set<KvCapability> capabilities;
    private final MultiScheduler scheduler;
    private final MultiWorker worker;

    MultiConnector(List<Part> parts) {
        this.parts = List.copyOf(parts);
        capabilities = capabilities(parts);
        Saves saves = new Saves();
        Reports reports = new Reports();
        LostLoads lost = new LostLoads();
        scheduler = new MultiScheduler(this.parts, saves, reports, lost);
        worker = new MultiWorker(this.parts, saves, reports, lost);
    }

    private static Set<KvCapability> capabilities(List<Part> parts) {
        EnumSet<KvCapability> found = EnumSet.noneOf(KvCapability.class);
        parts.forEach(part -> found.addAll(part.connector().capabilities()));
        for (Part part : parts) {
            OF_ALL.stream()
                    .filter(one -> !part.connector().capabilities().contains(one))
                    .forEach(found::remove);
        }
        // The halves share who saves what.
        found.remove(KvCapability.SPLIT_HALVES);
        return Collections.unmodifiableSet(found);
    }

    @Override
    public KvScheduler scheduler() {
        return scheduler;
    }

    @Override
    public KvWorker worker() {
        return worker;
    }

    @Override
    public Set<KvCapability> capabilities() {
        return capabilities;
    }

    @Override
    public Optional<HostPort> address() {
        return parts.stream().flatMap(part -> part.connector().address().stream()).findFirst();
    }

    /** Protocols of the part that peers reach: others' peers would find nobody at its address. */
    @Override
    public String protocol() {
        return parts.stream()
                .filter(part -> part.connector().address().isPresent())
                .findFirst()
                .map(Part::protocol)
                .orElse("");
    }

    @Override
    public KvLedger ledger() {
        long bufferBytes = 0;
        long poolBytes = 0;
        int leases = 0;
        int transfers = 0;
        int peers = 0;
        for (Part part : parts) {
            KvLedger ledger = part.connector().ledger();
            bufferBytes += ledger.bufferBytes();
            poolBytes += ledger.poolBytes();
            leases += ledger.leases();
            transfers += ledger.transfers();
            peers += ledger.peers();
        }
        return KvLedger.builder()
                .bufferBytes(bufferBytes)
                .poolBytes(poolBytes)
                .leases(leases)
                .transfers(transfers)
                .peers(peers)
                .build();
    }

    @Override
    public List<KvMetric> metrics() {
        List<KvMetric> all = new ArrayList<>();
        for (Part part : parts) {
            List<KvMetric> own = part.ask("metrics", KvConnector::metrics, List.of());
            for (KvMetric metric : own) {
                all.add(metric.withLabels(labels(part, metric.labels())));
            }
            all.add(
                    KvMetric.counter(
                            "part_failures_total",
                            "Calls in which a part has thrown.",
                            Map.of("part", part.label()),
                            (double) part.failures().get()));
        }
        return all;
    }

    /** Labels of a part's figure. A part that is a whole itself names its own part behind it. */
    private static Map<String, String> labels(Part part, Map<String, String> own) {
        Map<String, String> labels = new HashMap<>(own);
        labels.merge("part", part.label(), (inner, outer) -> outer + "/" + inner);
        return labels;
    }

    @Override
    public List<KvEvent> takeEvents() {
        List<KvEvent> all = new ArrayList<>();
        parts.forEach(
                part -> all.addAll(part.ask("takeEvents", KvConnector::takeEvents, List.of())));
        return all;
    }

    @Override
    public Availability health() {
        return parts.stream()
                .map(MultiConnector::health)
                .filter(health -> !health.ready())
                .findFirst()
                .orElseGet(Availability::usable);
    }

    private static Availability health(Part part) {
        Availability unknown = Availability.missing("part=%s call=health".formatted(part.label()));
        return part.ask("health", KvConnector::health, unknown);
    }

    @Override
    public void close() {
        close(parts);
    }

    /** Closes all, the last one first, also if one throws. */
    static void close(List<Part> parts) {
        RuntimeException failure = null;
        for (int i = parts.size() - 1; i >= 0; i--) {
            try {
                parts.get(i).connector().close();
            } catch (RuntimeException cause) {
                if (failure == null) {
                    failure = cause;
                } else {
                    failure.addSuppressed(cause);
                }
            }
        }
        if (failure != null) {
            throw failure;
        }
    }
}
