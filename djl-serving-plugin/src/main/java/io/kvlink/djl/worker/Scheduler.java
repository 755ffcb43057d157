// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.djl.sampling.SampledToken;
import io.kvlink.djl.worker.config.ChunkSizes;
import io.kvlink.djl.worker.config.WorkerConfig;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.TransferOutcome;
import io.kvlink.spi.WorkerReport;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Chooses the next computation. A turn takes arrivals, frees cancelled requests, and admits those
 * that fit. Then it computes the first tokens of the prompts whose KV is loaded now, one token of
 * every answer, and the chunks of prompts that {@link PromptSteps} chooses. So a long prompt delays
 * the answers by so much a turn.
 *
 * <p>If the decoder overlaps, a turn enqueues its steps first and then passes on the tokens of the
 * turn before. So the decoder computes while texts are made. An answer that turns out to have ended
 * has one row computed in vain.
 *
 * <p>A step that throws fails the requests in it. Belongs to the scheduler's thread.
 */
final class Scheduler {

    /** Result of a step's unit, kept until it is known to count. */
    private record Computed(WorkUnit unit, @Nullable SampledToken token) {}

    private final SchedulerInbox inbox;
    private final KvScheduler kv;
    private final Requests requests;
    private final Admission admission;
    private final KvGrowth growth;
    private final Step step;
    private final Flights flights;
    private final PromptSteps prompts;
    private final ChunkSizes sizes;
    private final WorkerMetrics metrics;
    private final FailureLog failures;
    private final LongSupplier clock;

    Scheduler(
            SchedulerInbox inbox,
            Requests requests,
            WorkerResources resources,
            WorkerConfig config,
            WorkerMetrics metrics,
            FailureLog failures,
            LongSupplier clock) {
        this.inbox = inbox;
        this.kv = resources.kvScheduler();
        this.requests = requests;
        this.admission = new Admission(requests, resources, metrics, config, clock);
        this.growth = new KvGrowth(requests, resources.memory(), config.kvGrowthTokens());
        PrefillRate rate = new PrefillRate();
        this.flights = new Flights(rate, clock);
        this.step = new Step(resources, flights, config, metrics, clock);
        this.prompts =
                new PromptSteps(
                        () -> requests.running(Phase.PREFILL),
                        rate,
                        config,
                        resources.decoder().maxBatch());
        this.sizes = config.chunkSizes();
        this.metrics = metrics;
        this.failures = failures;
        this.clock = clock;
    }

    /** One turn; false if there was nothing to do, so that the thread may rest. */
    boolean turn() {
        long earlier = flights.launched();
        boolean computed = earlier > flights.landed();
        try {
            computed |= steps();
        } finally {
            // Whatever became of this turn.
            land(earlier);
        }
        return computed || stepIdle();
    }

    private boolean steps() {
        admission.accept(inbox.arrivals());
        requests.endCancelled();
        requests.endOverdue();
        admission.expireLoads();
        if (!growth.stalled()) {
            admission.admit();
        }
        boolean computed = stepLoads();
        List<WorkUnit> answers = units(growth.decodable(this::landAll));
        computed |= run(answers, this::onComputed, report -> {});
        computed |= prompts.run(!answers.isEmpty(), this::stepPrompts);
        return computed;
    }

    /** Awaits what is in flight; false if nothing is. */
    boolean landAll() {
        return land(flights.launched());
    }

    /** Awaits what is in flight, whose tokens nobody waits for any more. */
    void drop() {
        flights.drop(cause -> failures.add("close", cause));
        requests.onLanded();
    }

    /** Awaits the first so many calls, as far as they are in flight, and passes their tokens on. */
    private boolean land(long count) {
        if (count <= flights.landed()) {
            return false;
        }
        Set<Sequence> concerned = flights.sequences();
        Map<Sequence, Throwable> failures = new LinkedHashMap<>();
        flights.land(count, failures);
        failures.forEach(this::fail);
        onLanded(concerned);
        return true;
    }

    private void onLanded(Collection<Sequence> concerned) {
        concerned.forEach(requests::endFinished);
        requests.onLanded();
    }

    private boolean stepLoads() {
        List<Sequence> loading = requests.running(Phase.LOADING_NOW);
        List<Computed> results = new ArrayList<>();
        return run(
                units(loading),
                (unit, token) -> results.add(new Computed(unit, token)),
                report -> settleLoads(loading, results, report));
    }

    /**
     * Keeps the results whose loads the connector confirms. The rest was computed from whatever was
     * there.
     */
    private void settleLoads(List<Sequence> loading, List<Computed> results, WorkerReport report) {
        Set<String> confirmed = ids(report.loaded());
        for (Computed result : results) {
            Sequence sequence = result.unit.sequence();
            if (sequence.phase() == Phase.LOADING_NOW && confirmed.contains(sequence.kv().id())) {
                onLoaded(sequence);
                if (result.unit.tokens() > 0) {
                    guarded(sequence, () -> onComputed(result.unit, result.token));
                }
            }
        }
        for (Sequence sequence : loading) {
            if (sequence.phase() == Phase.LOADING_NOW) {
                sequence.onLoadUnconfirmed();
                sequence.answer().forgetPicks();
            }
        }
    }

    private boolean stepPrompts(List<WorkUnit> units) {
        return run(units, this::onComputed, report -> {});
    }

    private List<WorkUnit> units(List<Sequence> sequences) {
        return sequences.stream().map(sequence -> sequence.unit(sizes, Integer.MAX_VALUE)).toList();
    }

    private boolean stepIdle() {
        WorkerReport report = step.idle();
        onReport(report);
        return !report.equals(WorkerReport.EMPTY);
    }

    private interface Settlement {
        void accept(WorkerReport report);
    }

    private boolean run(List<WorkUnit> units, Flights.Output output, Settlement settlement) {
        if (units.isEmpty()) {
            return false;
        }
        Set<Sequence> concerned = flights.sequences();
        units.forEach(unit -> concerned.add(unit.sequence()));
        Map<Sequence, Throwable> failures = new LinkedHashMap<>();
        try {
            WorkerReport report = step.run(units, output, failures);
            failures.forEach(this::fail);
            settlement.accept(report);
            onReport(report);
        } catch (RuntimeException | Error cause) {
            Failures.rethrowFatal(cause);
            flights.fail(units, cause, failures);
            failures.forEach(this::fail);
        }
        onLanded(concerned);
        return true;
    }

    /** An answer that its client has heard to the end stays one. */
    private void fail(Sequence sequence, Throwable cause) {
        if (sequence.phase() == Phase.ENDED) {
            return;
        }
        failures.add("step", sequence.ids(), cause);
        requests.endFinished(sequence);
        requests.endFailed(sequence, Failures.internal(sequence, cause));
    }

    private void onReport(WorkerReport report) {
        requests.onReport(report);
        for (TransferOutcome outcome : report.loaded()) {
            Sequence sequence = requests.running(outcome.requestId());
            if (sequence != null && sequence.phase() == Phase.LOADING) {
                onLoaded(sequence);
                requests.endFinished(sequence);
            }
        }
        for (TransferOutcome outcome : report.failedLoads()) {
            Sequence sequence = requests.running(outcome.requestId());
            if (sequence != null && sequence.phase() == Phase.LOADING) {
                admission.onLoadFailed(
                        sequence, outcome.failure().orElse(KvError.UNKNOWN), outcome.detail());
            }
        }
    }

    private void onLoaded(Sequence sequence) {
        metrics.onLoaded(sequence.loaded());
        sequence.onReady();
        SampledToken first = sequence.takeFirstToken();
        if (first != null && !sequence.cancelled()) {
            guarded(
                    sequence,
                    () -> {
                        sequence.answer().onHandedOver(first, clock.getAsLong());
                        onToken(sequence, 0);
                    });
        }
    }

    private void onComputed(WorkUnit unit, @Nullable SampledToken token) {
        Sequence sequence = unit.sequence();
        if (sequence.ended()) {
            return; // It was in flight when that turned out.
        }
        sequence.onComputed(unit);
        metrics.onComputed(unit.prompt());
        if (token == null || sequence.cancelled()) {
            return;
        }
        if (token.id() < 0) {
            throw new IllegalStateException("the model's logits have no finite number");
        }
        RunningAnswer answer = sequence.answer();
        long beforeNs = answer.lastTokenNs();
        answer.onToken(token, clock.getAsLong());
        if (answer.tokens() == 1 && sequence.attached() && sequence.kv().attachment()) {
            kv.attach(sequence.kv(), FirstToken.encode(answer.last(), answer.request()));
        }
        onToken(sequence, beforeNs);
    }

    /** Notes a token of an answer, whose last one was at {@code beforeNs} if it isn't the first. */
    private void onToken(Sequence sequence, long beforeNs) {
        RunningAnswer answer = sequence.answer();
        sequence.onToken(answer.lastToken());
        if (sequence.attached()) {
            kv.onTokensGenerated(sequence.kv(), new int[] {answer.lastToken()});
        }
        metrics.onToken();
        if (answer.tokens() == 1) {
            metrics.onFirstToken(answer.firstTokenNs() - sequence.submittedNs());
        } else {
            metrics.onNextToken(answer.lastTokenNs() - beforeNs);
        }
    }

    private void guarded(Sequence sequence, Runnable call) {
        try {
            call.run();
        } catch (RuntimeException | Error cause) {
            Failures.rethrowFatal(cause);
            fail(sequence, cause);
        }
    }

    private static Set<String> ids(List<TransferOutcome> outcomes) {
        Set<String> ids = new HashSet<>();
        outcomes.forEach(outcome -> ids.add(outcome.requestId()));
        return ids;
    }
}
