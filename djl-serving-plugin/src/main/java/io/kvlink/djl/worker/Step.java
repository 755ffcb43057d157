// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.djl.engine.Decoder;
import io.kvlink.djl.engine.LayerHook;
import io.kvlink.djl.worker.config.ChunkSizes;
import io.kvlink.djl.worker.config.WorkerConfig;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.KvWorker;
import io.kvlink.spi.StepMetadata;
import io.kvlink.spi.StepPlan;
import io.kvlink.spi.WorkerReport;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Computes one step: the calls to the connector's two halves in the contract's order, around the
 * decoder's calls. One call computes the next tokens of up to {@link Decoder#maxBatch} sequences.
 * Another computes as many chunks of prompts as may be computed together. Belongs to the
 * scheduler's thread.
 *
 * <p>The calls come one after the other, so a layer of the step is complete when the last of them
 * has computed it. Only the last call with a sequence that is saved carries the saves. Only the
 * first call with a sequence that is loaded carries the waits.
 *
 * <p>Where the decoder overlaps, calls of a step that loads and saves nothing stay in flight when
 * the step is done.
 */
final class Step {

    private static final Logger log = LoggerFactory.getLogger(Step.class);

    private final Decoder decoder;
    private final Flights flights;
    private final KvScheduler scheduler;
    private final KvWorker worker;
    private final int layers;
    private final ChunkSizes sizes;
    private final boolean onlyStores;
    private final long layerDeadlineNs;
    private final WorkerMetrics metrics;
    private final LongSupplier clock;

    Step(
            WorkerResources resources,
            Flights flights,
            WorkerConfig config,
            WorkerMetrics metrics,
            LongSupplier clock) {
        this.decoder = resources.decoder();
        this.flights = flights;
        this.scheduler = resources.kvScheduler();
        this.worker = resources.kvWorker();
        this.layers = resources.model().layers();
        this.sizes = config.chunkSizes();
        this.onlyStores = resources.onlyStores();
        this.layerDeadlineNs = config.layerDeadline().toNanos();
        this.metrics = metrics;
        this.clock = clock;
    }

    /** A step in which nothing is computed: the connector begins loads and reports. */
    WorkerReport idle() {
        return run(List.of(), (unit, token) -> {}, new LinkedHashMap<>());
    }

    /**
     * Computes a unit of each of some sequences, or leaves it in flight. A failure of the connector
     * fails all of them. A failure of one computation fails that one, if no other depends on it.
     *
     * @param failures gets those of sequences whose result doesn't count, also if this throws
     * @return what the connector reports
     */
    WorkerReport run(
            List<WorkUnit> wanted, Flights.Output output, Map<Sequence, Throwable> failures) {
        List<WorkUnit> units = prepared(wanted, failures);
        List<Sequence> sequences = units.stream().map(WorkUnit::sequence).toList();
        StepMetadata metadata = scheduler.buildStep(plan(units));
        worker.startLoad(metadata);
        try {
            launch(units, metadata, output, failures);
            if (!mayStayInFlight(sequences, metadata)) {
                flights.land(flights.launched(), failures);
                tellOfLoads(units, output, failures);
                awaitSaves(metadata);
            }
        } catch (RuntimeException | Error cause) {
            Failures.rethrowFatal(cause);
            flights.fail(units, cause, failures);
        }
        WorkerReport report = worker.pollFinished();
        try {
            scheduler.onStepDone(report);
        } catch (RuntimeException | Error cause) {
            // The report counts all the same: it is the only one that frees what it names.
            Failures.rethrowFatal(cause);
            sequences.forEach(sequence -> failures.putIfAbsent(sequence, cause));
        }
        return report;
    }

    /** Units whose pickers could be made. */
    private static List<WorkUnit> prepared(
            List<WorkUnit> units, Map<Sequence, Throwable> failures) {
        List<WorkUnit> prepared = new ArrayList<>();
        for (WorkUnit unit : units) {
            try {
                if (unit.picks() && unit.tokens() > 0) {
                    unit.sequence().answer().picker();
                }
                prepared.add(unit);
            } catch (RuntimeException | Error cause) {
                Failures.rethrowFatal(cause);
                failures.putIfAbsent(unit.sequence(), cause);
            }
        }
        return prepared;
    }

    private boolean mayStayInFlight(List<Sequence> sequences, StepMetadata metadata) {
        return decoder.overlaps()
                && metadata.equals(StepMetadata.EMPTY)
                && sequences.stream().noneMatch(sequence -> sequence.phase() == Phase.LOADING_NOW);
    }

    // Not after a failure: layers that were never saved would be waited for.
    private void awaitSaves(StepMetadata metadata) {
        if (!metadata.saves().isEmpty() && !worker.awaitSaves(deadlineNs())) {
            log.warn("saves={} not done at the step's deadline", metadata.saves());
        }
    }

    private StepPlan plan(List<WorkUnit> units) {
        StepPlan plan =
                StepPlan.of(
                        units.stream()
                                .flatMap(unit -> unit.sequence().planned(unit, sizes).stream())
                                .toList());
        return onlyStores ? plan.storable() : plan;
    }

    private void launch(
            List<WorkUnit> units,
            StepMetadata metadata,
            Flights.Output output,
            Map<Sequence, Throwable> failures) {
        List<DecoderCall> calls = calls(units);
        Set<KvRequest> loaded = requests(metadata.loads());
        @Nullable DecoderCall loads = first(calls, loaded);
        if (loads == null && onlyLoads(units, loaded)) {
            awaitLoads();
        }
        @Nullable DecoderCall saves = last(calls, requests(metadata.saves()));
        for (DecoderCall call : calls) {
            if (call == loads || call == saves) {
                launch(call, hook(call == loads, call == saves), output);
            } else {
                launchApart(call, output, failures);
            }
            if (!decoder.overlaps()) {
                flights.land(flights.launched(), failures);
            }
        }
        if (saves == null && !metadata.saves().isEmpty()) {
            for (int layer = 0; layer < layers; layer++) {
                worker.saveLayer(layer);
            }
        }
    }

    private static void tellOfLoads(
            List<WorkUnit> units, Flights.Output output, Map<Sequence, Throwable> failures) {
        for (WorkUnit unit : units) {
            if (unit.tokens() == 0) {
                Flights.tell(unit, null, output, failures);
            }
        }
    }

    private static boolean onlyLoads(List<WorkUnit> units, Set<KvRequest> loaded) {
        return units.stream()
                .anyMatch(unit -> unit.tokens() == 0 && loaded.contains(unit.sequence().kv()));
    }

    private void awaitLoads() {
        long deadlineNs = deadlineNs();
        for (int layer = 0; layer < layers; layer++) {
            worker.awaitLayer(layer, deadlineNs);
        }
    }

    /**
     * Rows in batches, chunks in batches where bits don't count; the rows' last ones at the end.
     */
    private List<DecoderCall> calls(List<WorkUnit> units) {
        List<DecoderCall> calls = new ArrayList<>();
        List<WorkUnit> rows = new ArrayList<>();
        List<WorkUnit> chunks = new ArrayList<>();
        for (WorkUnit unit : units) {
            if (unit.tokens() == 0) {
                continue;
            }
            if (unit.sequence().decodes()) {
                rows.add(unit);
                if (rows.size() == decoder.maxBatch()) {
                    calls.add(rows(rows));
                    rows = new ArrayList<>();
                }
                continue;
            }
            if (!chunks.isEmpty() && !fits(chunks, unit)) {
                calls.add(chunks(chunks));
                chunks = new ArrayList<>();
            }
            chunks.add(unit);
        }
        if (!chunks.isEmpty()) {
            calls.add(chunks(chunks));
        }
        if (!rows.isEmpty()) {
            calls.add(rows(rows));
        }
        return calls;
    }

    private boolean fits(List<WorkUnit> chunks, WorkUnit unit) {
        int tokens = chunks.stream().mapToInt(WorkUnit::tokens).sum() + unit.tokens();
        return !sizes.exact()
                && chunks.size() < decoder.maxBatch()
                && tokens <= decoder.maxPrefill();
    }

    private static DecoderCall rows(List<WorkUnit> units) {
        return new DecoderCall.Rows(
                units, units.stream().map(unit -> unit.sequence().row()).toList());
    }

    private static DecoderCall chunks(List<WorkUnit> units) {
        return new DecoderCall.Chunks(
                units, units.stream().map(unit -> unit.sequence().chunk(unit)).toList());
    }

    /**
     * Launches a call; if it is refused, each of its units alone, to find whose fault it is. But
     * not if a picker may have drawn: its next token would be another one.
     */
    private void launchApart(
            DecoderCall call, Flights.Output output, Map<Sequence, Throwable> failures) {
        try {
            launch(call, LayerHook.NONE, output);
        } catch (RuntimeException | Error cause) {
            Failures.rethrowFatal(cause);
            boolean undrawn = !decoder.overlaps() || cause instanceof IllegalArgumentException;
            if (call.units().size() == 1 || !undrawn) {
                flights.fail(call.units(), cause, failures);
                return;
            }
            call.apart().forEach(alone -> launchApart(alone, output, failures));
        }
    }

    private void launch(DecoderCall call, LayerHook hook, Flights.Output output) {
        long sinceNs = clock.getAsLong();
        flights.add(call, call.enqueue(decoder, hook), output, sinceNs, hook == LayerHook.NONE);
        if (call instanceof DecoderCall.Rows) {
            metrics.onBatch(call.units().size());
        }
    }

    private LayerHook hook(boolean loads, boolean saves) {
        long deadlineNs = deadlineNs();
        return new LayerHook() {
            @Override
            public void beforeAttention(int layer) {
                if (loads) {
                    worker.awaitLayer(layer, deadlineNs);
                }
            }

            @Override
            public void afterLayer(int layer) {
                if (saves) {
                    worker.saveLayer(layer);
                }
            }
        };
    }

    private long deadlineNs() {
        return clock.getAsLong() + layerDeadlineNs;
    }

    private static Set<KvRequest> requests(List<StepMetadata.Task> tasks) {
        Set<KvRequest> requests = new HashSet<>();
        tasks.forEach(task -> requests.add(task.request()));
        return requests;
    }

    private static @Nullable DecoderCall first(List<DecoderCall> calls, Set<KvRequest> of) {
        return calls.stream().filter(call -> call.hasAny(of)).findFirst().orElse(null);
    }

    private static @Nullable DecoderCall last(List<DecoderCall> calls, Set<KvRequest> of) {
        return calls.stream()
                .filter(call -> call.hasAny(of))
                .reduce((earlier, later) -> later)
                .orElse(null);
    }
}
