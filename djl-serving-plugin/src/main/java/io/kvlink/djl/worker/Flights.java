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
import org.jspecify.annotations.Nullable;

/**
 * Calls that the decoder has taken and that weren't awaited yet, oldest first. A sequence of a call
 * in flight keeps its slots and its picker until the call has landed, even if it has ended.
 * Scheduler's thread.
 */
final class Flights {

    /** Told of each unit's result. */
    interface Output {
        void onComputed(Unit unit, @Nullable SampledToken token);
    }

    private record Flight(List<Unit> units, Picks picks, Output output) {}

    private final Deque<Flight> inFlight = new ArrayDeque<>();
    private long landed;

    /** A call was taken: its sequences are at their next positions. */
    void add(List<Unit> units, Picks picks, Output output) {
        units.forEach(unit -> unit.sequence().onLaunched(unit));
        inFlight.add(new Flight(units, picks, output));
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
        inFlight.forEach(flight -> flight.units.forEach(unit -> found.add(unit.sequence())));
        return found;
    }

    /**
     * Awaits the first {@code count} calls that were ever added, as far as they are in flight.
     *
     * @param failures gets those whose call or output threw
     */
    void land(long count, Map<Sequence, Throwable> failures) {
        while (landed < count) {
            Flight flight = inFlight.remove();
            landed++;
            land(flight, failures);
        }
    }

    private static void land(Flight flight, Map<Sequence, Throwable> failures) {
        @Nullable List<@Nullable SampledToken> picked = null;
        try {
            picked = flight.picks.await();
        } catch (RuntimeException | Error cause) {
            Failures.rethrowFatal(cause);
            flight.units.forEach(unit -> failures.putIfAbsent(unit.sequence(), cause));
        }
        flight.units.forEach(unit -> unit.sequence().onLanded(unit));
        for (int i = 0; picked != null && i < flight.units.size(); i++) {
            tell(flight.units.get(i), picked.get(i), flight.output, failures);
        }
    }

    /** Tells of a unit; what that throws is its sequence's failure. */
    static void tell(
            Unit unit,
            @Nullable SampledToken token,
            Output output,
            Map<Sequence, Throwable> failures) {
        try {
            if (token != null && token.id() < 0) {
                throw new IllegalStateException("the model's logits have no finite number");
            }
            output.onComputed(unit, token);
        } catch (RuntimeException | Error cause) {
            Failures.rethrowFatal(cause);
            failures.putIfAbsent(unit.sequence(), cause);
        }
    }
}
