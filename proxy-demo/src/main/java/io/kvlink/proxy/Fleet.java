// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy;

import io.kvlink.spi.HostPort;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Chooses instances, avoiding for a while those that refused a connection if there are others. Used
 * from any thread.
 */
final class Fleet {

    /**
     * Who serves a request.
     *
     * @param prefill computes the prompt
     * @param decode writes the answer
     */
    record Pair(Instance prefill, Instance decode) {}

    private final InstanceTable table;
    private final PairPicker pairs = new PairPicker();
    // Apart from the pairs, whose turns other requests must not shift.
    private final PairPicker singles = new PairPicker();
    private final LongSupplier clock;
    private final long skipNs;

    // When each refusing instance is tried again. Written by the event loops; its keys are
    // instances of the table, and old ones are dropped on every addition.
    private final Map<HostPort, Skip> skips = new ConcurrentHashMap<>();

    private record Skip(Instance instance, long untilNs) {}

    Fleet(InstanceTable table, int skipMs, LongSupplier clock) {
        this.table = table;
        this.clock = clock;
        this.skipNs = TimeUnit.MILLISECONDS.toNanos(skipMs);
    }

    int count(Role role) {
        return table.snapshot().of(role).size();
    }

    /** How many of a role haven't refused a connection just now. */
    int usable(Role role) {
        return (int) table.snapshot().of(role).stream().filter(i -> !skipped(i)).count();
    }

    /** The next pair; empty if a role has nobody. */
    Optional<Pair> pair() {
        InstanceTable.Snapshot snapshot = table.snapshot();
        List<Instance> prefills = preferred(snapshot.prefill());
        List<Instance> decodes = preferred(snapshot.decode());
        if (prefills.isEmpty() || decodes.isEmpty()) {
            return Optional.empty();
        }
        PairPicker.Pair turn = pairs.next(prefills.size(), decodes.size());
        return Optional.of(new Pair(prefills.get(turn.prefill()), decodes.get(turn.decode())));
    }

    /** The next instance of a role; empty if it has nobody. */
    Optional<Instance> one(Role role) {
        List<Instance> candidates = preferred(table.snapshot().of(role));
        return at(candidates);
    }

    /**
     * The next instance of the same role that is another process, if only a successor at the same
     * address; empty if there is none.
     */
    Optional<Instance> insteadOf(Instance failed) {
        List<Instance> others =
                table.snapshot().of(failed.role()).stream()
                        .filter(i -> !i.sameProcess(failed))
                        .toList();
        return at(preferred(others));
    }

    private Optional<Instance> at(List<Instance> candidates) {
        return candidates.isEmpty()
                ? Optional.empty()
                : Optional.of(candidates.get(singles.next(1, candidates.size()).decode()));
    }

    /** Called when an instance refused a connection. */
    void onRefused(Instance instance) {
        long now = clock.getAsLong();
        skips.values().removeIf(s -> s.untilNs() - now <= 0);
        skips.put(instance.http(), new Skip(instance, now + skipNs));
    }

    boolean skipped(Instance instance) {
        Skip skip = skips.get(instance.http());
        return skip != null
                && skip.untilNs() - clock.getAsLong() > 0
                && skip.instance().sameProcess(instance);
    }

    private List<Instance> preferred(List<Instance> all) {
        if (skips.isEmpty()) {
            return all;
        }
        List<Instance> open = all.stream().filter(i -> !skipped(i)).toList();
        return open.isEmpty() ? all : open;
    }
}
