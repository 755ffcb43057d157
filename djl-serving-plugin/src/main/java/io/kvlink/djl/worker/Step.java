// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.djl.engine.Decoder;
import io.kvlink.djl.engine.LayerHook;
import io.kvlink.djl.sampling.SampledToken;
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
 * decoder's calls: one for the next tokens of up to {@link Decoder#maxBatch} sequences, one for
 * each chunk of a prompt. Belongs to the scheduler's thread.
 *
 * <p>The calls come one after the other, so a layer of the step is complete when the last of them
 * has computed it: only the last one with a sequence that is saved carries the saves, and the first
 * one with a sequence that is loaded carries the waits.
 */
final class Step {

    private static final Logger log = LoggerFactory.getLogger(Step.class);

    /** Told of each unit's result, within the step. */
    interface Output {
        void onComputed(Sequence sequence, int unit, @Nullable SampledToken token);
    }

    /**
     * How a step ended.
     *
     * @param report of the connector
     * @param failures of sequences whose result doesn't count
     */
    record Result(WorkerReport report, Map<Sequence, Throwable> failures) {}

    private final Decoder decoder;
    private final KvScheduler scheduler;
    private final KvWorker worker;
    private final int layers;
    private final int chunk;
    private final long layerDeadlineNs;
    private final WorkerMetrics metrics;
    private final LongSupplier clock;

    Step(
            WorkerResources resources,
            WorkerConfig config,
            WorkerMetrics metrics,
            LongSupplier clock) {
        this.decoder = resources.decoder();
        this.scheduler = resources.kvScheduler();
        this.worker = resources.kvWorker();
        this.layers = resources.model().layers();
        this.chunk = config.prefillChunk();
        this.layerDeadlineNs = config.layerDeadline().toNanos();
        this.metrics = metrics;
        this.clock = clock;
    }

    /** A step in which nothing is computed: the connector begins loads and reports. */
    WorkerReport idle() {
        return run(List.of(), (sequence, unit, token) -> {}).report();
    }

    /**
     * Computes the next unit of each sequence. What the connector throws fails all of them; what
     * the computation of one throws fails that one, if no other depends on it.
     */
    Result run(List<Sequence> sequences, Output output) {
        Map<Sequence, Throwable> failures = new LinkedHashMap<>();
        StepMetadata metadata = scheduler.buildStep(plan(sequences));
        worker.startLoad(metadata);
        try {
            compute(sequences, metadata, output, failures);
            awaitSaves(metadata);
        } catch (RuntimeException | Error cause) {
            Failures.rethrowFatal(cause);
            sequences.forEach(sequence -> failures.putIfAbsent(sequence, cause));
        }
        WorkerReport report = worker.pollFinished();
        try {
            scheduler.onStepDone(report);
        } catch (RuntimeException | Error cause) {
            // The report counts all the same: it is the only one that frees what it names.
            Failures.rethrowFatal(cause);
            sequences.forEach(sequence -> failures.putIfAbsent(sequence, cause));
        }
        return new Result(report, failures);
    }

    // Not after a failure: layers that were never saved would be waited for.
    private void awaitSaves(StepMetadata metadata) {
        if (!metadata.saves().isEmpty() && !worker.awaitSaves(deadlineNs())) {
            log.warn("saves={} not done at the step's deadline", metadata.saves());
        }
    }

    private StepPlan plan(List<Sequence> sequences) {
        return new StepPlan(
                sequences.stream()
                        .filter(Sequence::attached)
                        .map(sequence -> sequence.planned(chunk))
                        .toList());
    }

    private void compute(
            List<Sequence> sequences,
            StepMetadata metadata,
            Output output,
            Map<Sequence, Throwable> failures) {
        List<List<Sequence>> calls = calls(sequences);
        Set<KvRequest> loaded = requests(metadata.loads());
        @Nullable List<Sequence> loads = first(calls, loaded);
        if (loads == null && onlyLoads(sequences, loaded)) {
            awaitLoads();
        }
        @Nullable List<Sequence> saves = last(calls, requests(metadata.saves()));
        for (List<Sequence> call : calls) {
            if (call == loads || call == saves) {
                compute(call, hook(call == loads, call == saves), output, failures);
            } else {
                computeApart(call, output, failures);
            }
        }
        if (saves == null && !metadata.saves().isEmpty()) {
            for (int layer = 0; layer < layers; layer++) {
                worker.saveLayer(layer);
            }
        }
        for (Sequence sequence : sequences) {
            if (sequence.onlyLoads()) {
                tell(sequence, 0, null, output, failures);
            }
        }
    }

    private static boolean onlyLoads(List<Sequence> sequences, Set<KvRequest> loaded) {
        return sequences.stream()
                .anyMatch(sequence -> sequence.onlyLoads() && loaded.contains(sequence.kv()));
    }

    private void awaitLoads() {
        long deadlineNs = deadlineNs();
        for (int layer = 0; layer < layers; layer++) {
            worker.awaitLayer(layer, deadlineNs);
        }
    }

    /** Those that decode in batches, each of the others alone. */
    private List<List<Sequence>> calls(List<Sequence> sequences) {
        List<List<Sequence>> calls = new ArrayList<>();
        List<Sequence> batch = new ArrayList<>();
        for (Sequence sequence : sequences) {
            if (sequence.onlyLoads()) {
                continue;
            }
            if (!sequence.decodes()) {
                calls.add(List.of(sequence));
                continue;
            }
            batch.add(sequence);
            if (batch.size() == decoder.maxBatch()) {
                calls.add(batch);
                batch = new ArrayList<>();
            }
        }
        if (!batch.isEmpty()) {
            calls.add(batch);
        }
        return calls;
    }

    /** What a batch throws needn't be the fault of all: each shows by itself whether it is its. */
    private void computeApart(
            List<Sequence> call, Output output, Map<Sequence, Throwable> failures) {
        try {
            compute(call, LayerHook.NONE, output, failures);
        } catch (RuntimeException | Error cause) {
            Failures.rethrowFatal(cause);
            if (call.size() == 1) {
                failures.put(call.get(0), cause);
                return;
            }
            call.forEach(sequence -> computeApart(List.of(sequence), output, failures));
        }
    }

    private void compute(
            List<Sequence> call, LayerHook hook, Output output, Map<Sequence, Throwable> failures) {
        if (!call.get(0).decodes()) {
            Sequence sequence = call.get(0);
            int unit = sequence.nextUnit(chunk);
            decoder.prefill(List.of(sequence.chunk(unit)), hook).await();
            tell(sequence, unit, null, output, failures);
            return;
        }
        List<@Nullable SampledToken> picked =
                decoder.decode(call.stream().map(Sequence::row).toList(), hook).await();
        metrics.onBatch(call.size());
        for (int i = 0; i < call.size(); i++) {
            tell(call.get(i), 1, picked.get(i), output, failures);
        }
    }

    private static void tell(
            Sequence sequence,
            int unit,
            @Nullable SampledToken token,
            Output output,
            Map<Sequence, Throwable> failures) {
        try {
            output.onComputed(sequence, unit, token);
        } catch (RuntimeException | Error cause) {
            Failures.rethrowFatal(cause);
            failures.put(sequence, cause);
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

    private static @Nullable List<Sequence> first(List<List<Sequence>> calls, Set<KvRequest> of) {
        for (List<Sequence> call : calls) {
            if (call.stream().anyMatch(sequence -> of.contains(sequence.kv()))) {
                return call;
            }
        }
        return null;
    }

    private static @Nullable List<Sequence> last(List<List<Sequence>> calls, Set<KvRequest> of) {
        @Nullable List<Sequence> found = null;
        for (List<Sequence> call : calls) {
            if (call.stream().anyMatch(sequence -> of.contains(sequence.kv()))) {
                found = call;
            }
        }
        return found;
    }
}
