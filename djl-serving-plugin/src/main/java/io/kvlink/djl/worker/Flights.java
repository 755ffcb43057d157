// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.djl.engine.Picks;
import io.kvlink.djl.sampling.SampledToken;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Calls that the decoder has taken and that weren't awaited yet, oldest first. A sequence of a call
 * in flight keeps its slots and its picker until the call has landed, even if it has ended.
 * Scheduler's thread.
 */
final class Flights {

    /** Told of each unit's result. */
    interface Output {
        void onComputed(WorkUnit unit, @Nullable SampledToken token);
    }

    private record Flight(
            DecoderCall call, Picks picks, Output output, long sinceNs, boolean timed) {
        List<WorkUnit> units() {
            return call.units();
        }
    }

    private final Deque<Flight> inFlight = new ArrayDeque<>();
    private final PrefillRate rate;
    private final LongSupplier clock;
    private long landed;
    // When the decoder was known to have nothing left of the calls before.
    private long landedNs = Long.MIN_VALUE;

    /**
     * No calls yet.
     *
     * @param rate is told how long chunks of prompts took
     */
    Flights(PrefillRate rate, LongSupplier clock) {
        this.rate = rate;
        this.clock = clock;
    }

    /**
     * A call was taken: its sequences are at their next positions.
     *
     * @param sinceNs when it was offered
     * @param timed whether it took no longer than its computation: it waits for no load or save
     */
    void add(DecoderCall call, Picks picks, Output output, long sinceNs, boolean timed) {
        call.units().forEach(unit -> unit.sequence().onLaunched(unit));
        inFlight.add(new Flight(call, picks, output, sinceNs, timed));
    }

    /** Calls that were ever added. */
    long launched() {
        return landed + inFlight.size();
    }

    /** Calls that were ever awaited. */
    long landed() {
        return landed;
    }

    /** Sequences of the calls in flight. */
    Set<Sequence> sequences() {
        Set<Sequence> found = new LinkedHashSet<>();
        inFlight.forEach(flight -> flight.units().forEach(unit -> found.add(unit.sequence())));
        return found;
    }

    /**
     * Awaits the first {@code count} calls that were ever added, as far as they are in flight.
     *
     * @param failures gets those whose call or output threw; what is computed of those in it
     *     doesn't count
     */
    void land(long count, Map<Sequence, Throwable> failures) {
        while (landed < count) {
            Flight flight = inFlight.remove();
            landed++;
            land(flight, failures);
        }
    }

    /**
     * Awaits all calls that are in flight, and passes nothing on.
     *
     * @param told of what they throw
     */
    void drop(Consumer<Throwable> told) {
        for (@Nullable Flight flight; (flight = inFlight.poll()) != null; landed++) {
            try {
                flight.picks.await();
            } catch (RuntimeException | Error cause) {
                told.accept(cause);
            }
            flight.units().forEach(unit -> unit.sequence().onLanded(unit));
        }
    }

    private void land(Flight flight, Map<Sequence, Throwable> failures) {
        @Nullable List<@Nullable SampledToken> picked = null;
        try {
            picked = flight.picks.await();
            measure(flight);
        } catch (RuntimeException | Error cause) {
            Failures.rethrowFatal(cause);
            note(flight.units(), cause, failures);
        } finally {
            flight.units().forEach(unit -> unit.sequence().onLanded(unit));
        }
        for (int i = 0; picked != null && i < flight.units().size(); i++) {
            tell(flight.units().get(i), picked.get(i), flight.output, failures);
        }
    }

    /**
     * Notes the failure of units that weren't enqueued. Calls that were enqueued before are awaited
     * first: they may have ended an answer.
     */
    void fail(List<WorkUnit> units, Throwable cause, Map<Sequence, Throwable> failures) {
        land(launched(), failures);
        note(units, cause, failures);
    }

    private static void note(
            List<WorkUnit> units, Throwable cause, Map<Sequence, Throwable> failures) {
        units.stream()
                .map(WorkUnit::sequence)
                .filter(sequence -> !sequence.ended())
                .forEach(sequence -> failures.putIfAbsent(sequence, cause));
    }

    private void measure(Flight flight) {
        long nowNs = clock.getAsLong();
        if (flight.timed && flight.call instanceof DecoderCall.Chunks chunks) {
            int tokens = chunks.units().stream().mapToInt(WorkUnit::tokens).sum();
            rate.onComputed(tokens, nowNs - Math.max(landedNs, flight.sinceNs));
        }
        landedNs = nowNs;
    }

    /** Tells of a unit, unless its sequence has failed; what that throws is its failure. */
    static void tell(
            WorkUnit unit,
            @Nullable SampledToken token,
            Output output,
            Map<Sequence, Throwable> failures) {
        if (failures.containsKey(unit.sequence())) {
            return;
        }
        try {
            output.onComputed(unit, token);
        } catch (RuntimeException | Error cause) {
            Failures.rethrowFatal(cause);
            failures.putIfAbsent(unit.sequence(), cause);
        }
    }
}
