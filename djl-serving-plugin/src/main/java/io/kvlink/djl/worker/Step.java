// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.djl.model.LayerHook;
import io.kvlink.djl.model.LlamaDecoder;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.KvWorker;
import io.kvlink.spi.StepMetadata;
import io.kvlink.spi.StepPlan;
import io.kvlink.spi.WorkerReport;
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
 * Computes one step: the calls to the connector's two halves in the contract's order, around one
 * forward call for each sequence. Belongs to the scheduler's thread.
 *
 * <p>Sequences are computed one after the other, so a layer of the step is complete when the last
 * of them has computed it: only the last one that is saved carries the saves, and the first one
 * that is loaded carries the waits.
 */
final class Step {

    private static final Logger log = LoggerFactory.getLogger(Step.class);

    /** Told of each unit's result, within the step. */
    interface Output {
        void onComputed(Sequence sequence, int unit, float @Nullable [] logits);
    }

    /**
     * How a step ended.
     *
     * @param report of the connector
     * @param failures of sequences whose result doesn't count
     */
    record Result(WorkerReport report, Map<Sequence, Throwable> failures) {}

    private final LlamaDecoder decoder;
    private final KvScheduler scheduler;
    private final KvWorker worker;
    private final int layers;
    private final int chunk;
    private final long layerDeadlineNs;
    private final LongSupplier clock;

    Step(WorkerResources resources, WorkerConfig config, LongSupplier clock) {
        this.decoder = resources.decoder();
        this.scheduler = resources.kvScheduler();
        this.worker = resources.kvWorker();
        this.layers = resources.model().layers();
        this.chunk = config.prefillChunk();
        this.layerDeadlineNs = config.layerDeadline().toNanos();
        this.clock = clock;
    }

    /** A step in which nothing is computed: the connector begins loads and reports. */
    WorkerReport idle() {
        return run(List.of(), (sequence, unit, logits) -> {}).report();
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
        @Nullable Sequence loads = first(sequences, requests(metadata.loads()));
        @Nullable Sequence saves = last(sequences, requests(metadata.saves()));
        for (Sequence sequence : sequences) {
            boolean hooked = sequence == loads || sequence == saves;
            LayerHook hook = hooked ? hook(sequence == loads, sequence == saves) : LayerHook.NONE;
            try {
                int unit = sequence.nextUnit(chunk);
                output.onComputed(sequence, unit, sequence.compute(decoder, unit, hook));
            } catch (RuntimeException | Error cause) {
                Failures.rethrowFatal(cause);
                if (hooked) {
                    throw cause;
                }
                failures.put(sequence, cause);
            }
        }
        if (saves == null && !metadata.saves().isEmpty()) {
            for (int layer = 0; layer < layers; layer++) {
                worker.saveLayer(layer);
            }
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

    private static @Nullable Sequence first(List<Sequence> sequences, Set<KvRequest> of) {
        for (Sequence sequence : sequences) {
            if (of.contains(sequence.kv())) {
                return sequence;
            }
        }
        return null;
    }

    private static @Nullable Sequence last(List<Sequence> sequences, Set<KvRequest> of) {
        for (int i = sequences.size() - 1; i >= 0; i--) {
            if (of.contains(sequences.get(i).kv())) {
                return sequences.get(i);
            }
        }
        return null;
    }
}
