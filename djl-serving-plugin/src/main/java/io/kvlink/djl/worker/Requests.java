// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.djl.engine.KvMemory;
import io.kvlink.djl.engine.KvSlots;
import io.kvlink.djl.generation.GenerationException;
import io.kvlink.djl.generation.GenerationResult;
import io.kvlink.djl.generation.GenerationResult.FinishReason;
import io.kvlink.spi.BlockOwnership;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.TransferOutcome;
import io.kvlink.spi.WorkerReport;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiConsumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sequences in the worker, and their way out of it. The client is told, the connector is told, and
 * the slots are freed, at once or when the connector has read them. Belongs to the scheduler's
 * thread, but for {@link #runningCount}.
 *
 * <p>Invariant: every slot taken from the memory belongs to a running sequence, is lent to the
 * connector, or waits for a call in flight.
 */
final class Requests {

    private static final Logger log = LoggerFactory.getLogger(Requests.class);

    /** Slots that the connector still uses; {@code last} if the sequence ends with them. */
    private record Lent(KvSlots slots, Sequence sequence, boolean last) {}

    private final SchedulerInbox inbox;
    private final KvScheduler kv;
    private final KvMemory memory;
    private final WorkerMetrics metrics;
    private final FailureLog failures;
    private final LongSupplier clock;
    private final List<Sequence> waiting = new ArrayList<>();
    private final List<Sequence> running = new ArrayList<>();
    private final Map<String, Lent> lent = new HashMap<>();
    private final SlotReleases releases;
    private long arrivals;
    // Written by the scheduler's thread, read by any.
    private volatile int runningCount;

    Requests(
            SchedulerInbox inbox,
            WorkerResources resources,
            WorkerMetrics metrics,
            FailureLog failures,
            LongSupplier clock) {
        this.inbox = inbox;
        this.kv = resources.kvScheduler();
        this.memory = resources.memory();
        this.metrics = metrics;
        this.failures = failures;
        this.releases = new SlotReleases(failures);
        this.clock = clock;
    }

    /** Sequences without slots, in the order they came. */
    List<Sequence> waiting() {
        return List.copyOf(waiting);
    }

    /** Sequences with slots in a phase, in the order they got them. */
    List<Sequence> running(Phase phase) {
        List<Sequence> found = new ArrayList<>();
        for (Sequence sequence : running) {
            if (sequence.phase() == phase) {
                found.add(sequence);
            }
        }
        return found;
    }

    /** Sequences with slots, in the order they got them. */
    List<Sequence> running() {
        return List.copyOf(running);
    }

    int runningCount() {
        return runningCount;
    }

    /** True if the connector may have something to say soon. */
    boolean expectsReport() {
        return !lent.isEmpty() || !waiting.isEmpty() || runningCount > 0;
    }

    /** True if none is left, and the connector has given all slots back. */
    boolean none() {
        return inbox.waiting() == 0
                && lent.isEmpty()
                && releases.none()
                && waiting.isEmpty()
                && running.isEmpty();
    }

    void add(Sequence sequence) {
        sequence.onArrival(arrivals++);
        waiting.add(sequence);
    }

    void onSlots(Sequence sequence) {
        waiting.remove(sequence);
        inbox.addWaiting(-1);
        running.add(sequence);
        runningCount = running.size();
        if (sequence.admittedFirst()) {
            metrics.onAdmitted(clock.getAsLong() - sequence.submittedNs());
        }
    }

    /** Ends those whose clients have left. */
    void endCancelled() {
        for (Sequence sequence : all()) {
            if (sequence.cancelled()) {
                end(sequence, "cancelled");
            }
        }
    }

    /** Ends those that have taken longer than they may. */
    void endOverdue() {
        long nowNs = clock.getAsLong();
        for (Sequence sequence : all()) {
            long limitNs = sequence.answer().timeoutNs();
            if (nowNs - sequence.submittedNs() > limitNs) {
                endFailed(
                        sequence,
                        new GenerationException(
                                GenerationException.Kind.TIMEOUT,
                                "request=%s took longer than %s s; see timeout and request_timeout_s"
                                        .formatted(sequence.kv().id(), limitNs / 1e9)));
            }
        }
    }

    void endFinished(Sequence sequence) {
        FinishReason reason = sequence.answer().finish();
        if (reason == null || sequence.phase() == Phase.ENDED) {
            return;
        }
        long nowNs = clock.getAsLong();
        observe(sequence.answer());
        end(sequence, reason.name().toLowerCase(Locale.ROOT));
        tell(
                sequence,
                () -> sequence.answer().listener().onFinished(result(sequence, reason, nowNs)));
    }

    void endFailed(Sequence sequence, GenerationException failure) {
        if (sequence.phase() == Phase.ENDED) {
            return;
        }
        end(sequence, failure.kind().name().toLowerCase(Locale.ROOT));
        tell(sequence, () -> sequence.answer().listener().onFailed(failure));
    }

    void endAll(GenerationException failure) {
        all().forEach(sequence -> endFailed(sequence, failure));
    }

    /**
     * Takes a sequence from the connector, to be computed here from its first token. It keeps its
     * slots unless the connector still uses them; then it waits for others, before all that came
     * after it.
     */
    void restart(Sequence sequence) {
        KvSlots slots = detach(sequence) == BlockOwnership.FREE_NOW ? null : sequence.takeSlots();
        boolean hadSlots = sequence.phase() != Phase.WAITING;
        sequence.restart();
        if (slots != null) {
            lent.put(sequence.kv().id(), new Lent(slots, sequence, false));
        }
        if (hadSlots && sequence.phase() == Phase.WAITING) {
            waitAgain(sequence);
        }
    }

    /**
     * Takes the slots of a sequence, so that others have them. The sequence waits for new ones,
     * before all that came after it, and then computes its lost KV again.
     */
    void preempt(Sequence sequence) {
        preempt(sequence, detach(sequence));
    }

    private void preempt(Sequence sequence, BlockOwnership owner) {
        giveUp(sequence, Objects.requireNonNull(sequence.takeSlots()), owner);
        sequence.restart();
        waitAgain(sequence);
        metrics.onPreemption();
    }

    /** Preempts a sequence for which the memory failed: some of its KV may be overwritten. */
    void loseKv(Sequence sequence, Throwable cause) {
        failures.add("growth", sequence.ids(), cause);
        preempt(sequence);
    }

    /**
     * Gives a sequence slots for so many tokens, with its KV; false if there are none. If it
     * throws, the sequence has its slots, but perhaps not their KV.
     */
    boolean grow(Sequence sequence, int tokens) {
        KvSlots held = sequence.slots();
        // What a connector may still read stays where it is.
        boolean lendable = sequence.attached();
        KvSlots grown =
                lendable
                        ? memory.growInPlace(held, tokens)
                        : memory.grow(held, tokens, sequence.position());
        if (grown == null && lendable) {
            grown = memory.copy(held, tokens, sequence.position());
            if (grown != null) {
                giveUp(sequence, held, detach(sequence));
            }
        }
        if (grown == null) {
            return false;
        }
        sequence.onGrown(grown);
        return true;
    }

    /**
     * Takes a decoding sequence from the connector, so that its slots may move; if the connector
     * still uses them, the sequence waits for others. False if the connector didn't know it.
     */
    boolean leaveConnector(Sequence sequence) {
        if (!sequence.attached()) {
            return false;
        }
        if (detach(sequence) == BlockOwnership.CONNECTOR_OWNS) {
            preempt(sequence, BlockOwnership.CONNECTOR_OWNS);
        }
        return true;
    }

    private void giveUp(Sequence sequence, KvSlots slots, BlockOwnership owner) {
        if (owner == BlockOwnership.CONNECTOR_OWNS) {
            lent.put(sequence.kv().id(), new Lent(slots, sequence, false));
        } else {
            releases.release(sequence, slots);
        }
    }

    /** Calls in flight have landed. */
    void onLanded() {
        releases.onLanded();
    }

    /** True if slots wait for calls in flight. */
    boolean releasing() {
        return !releases.none();
    }

    private void waitAgain(Sequence sequence) {
        running.remove(sequence);
        runningCount = running.size();
        int place = 0;
        while (place < waiting.size() && waiting.get(place).arrival() < sequence.arrival()) {
            place++;
        }
        waiting.add(place, sequence);
        inbox.addWaiting(1);
    }

    /** Notes how transfers ended and frees what the connector no longer uses. */
    void onReport(WorkerReport report) {
        report.sent().forEach(outcome -> onTransfer(outcome, Transfers::onSent));
        report.loaded().forEach(outcome -> onTransfer(outcome, Transfers::onLoad));
        report.failedLoads().forEach(outcome -> onTransfer(outcome, Transfers::onLoad));
    }

    private void onTransfer(TransferOutcome outcome, BiConsumer<Transfers, TransferOutcome> note) {
        Lent done = lent.remove(outcome.requestId());
        if (done != null) {
            note.accept(done.sequence.transfers(), outcome);
            releases.release(done.sequence, done.slots);
            if (done.last) {
                logEnd(done.sequence);
            }
            return;
        }
        Sequence sequence = running(outcome.requestId());
        if (sequence != null) {
            note.accept(sequence.transfers(), outcome);
        }
    }

    /** The one with slots of a name; null if it has ended. */
    @Nullable Sequence running(String id) {
        for (Sequence sequence : running) {
            if (sequence.kv().id().equals(id)) {
                return sequence;
            }
        }
        return null;
    }

    /** Frees what is lent, when the connector is closed. */
    void releaseLent() {
        lent.values().forEach(left -> left.slots.release());
        lent.clear();
    }

    private List<Sequence> all() {
        List<Sequence> all = new ArrayList<>(waiting);
        all.addAll(running);
        return all;
    }

    private void end(Sequence sequence, String outcome) {
        if (sequence.phase() == Phase.WAITING) {
            waiting.remove(sequence);
            inbox.addWaiting(-1);
        } else {
            running.remove(sequence);
            runningCount = running.size();
        }
        sequence.end(outcome);
        releases.close(sequence);
        BlockOwnership owner = detach(sequence);
        metrics.onEnded(outcome);
        KvSlots slots = sequence.takeSlots();
        if (slots != null && owner == BlockOwnership.CONNECTOR_OWNS) {
            lent.put(sequence.kv().id(), new Lent(slots, sequence, true));
            return;
        }
        if (slots != null) {
            releases.release(sequence, slots);
        }
        logEnd(sequence);
    }

    private BlockOwnership detach(Sequence sequence) {
        if (!sequence.attached()) {
            return BlockOwnership.FREE_NOW;
        }
        sequence.detach();
        try {
            return kv.onRequestFinished(sequence.kv());
        } catch (RuntimeException | Error cause) {
            Failures.rethrowFatal(cause);
            failures.add("onRequestFinished", cause);
            // It may still use the blocks; better lost than overwritten.
            return BlockOwnership.CONNECTOR_OWNS;
        }
    }

    private void tell(Sequence sequence, Runnable ending) {
        if (sequence.cancelled()) {
            return;
        }
        try {
            ending.run();
        } catch (RuntimeException | Error cause) {
            Failures.rethrowFatal(cause);
            failures.add("listener", cause);
        }
    }

    private void observe(RunningAnswer answer) {
        if (answer.tokens() > 1) {
            metrics.onLaterTokens(
                    answer.lastTokenNs() - answer.firstTokenNs(), answer.tokens() - 1);
        }
    }

    private static GenerationResult result(Sequence sequence, FinishReason reason, long nowNs) {
        RunningAnswer answer = sequence.answer();
        return new GenerationResult(
                reason,
                sequence.promptLength(),
                answer.tokens(),
                sequence.computed(),
                sequence.loaded(),
                sequence.transfers().load(),
                answer.firstTokenNs() - sequence.submittedNs(),
                nowNs - sequence.submittedNs());
    }

    private void logEnd(Sequence sequence) {
        log.info("{}", sequence.summary(clock.getAsLong()));
    }
}
