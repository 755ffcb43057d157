// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.fleet;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Collectors;

/**
 * The instances that are alive, in the order in which they first came. One thread writes; any
 * thread reads the last snapshot.
 *
 * <p>An instance is known by its HTTP address and its model. Each entry expires on its own: no
 * entry's life depends on another's heartbeat. Of two versions of a model in one process the one
 * with the higher epoch has the entry, however their heartbeats and farewells are mixed.
 */
public final class InstanceTable {

    /** Effect of a heartbeat. */
    public enum Change {
        ADDED,
        REFRESHED,
        /** An instance that takes the place of one that is no more. */
        RESTARTED,
        /**
         * An instance that takes the place of an earlier one of its process. The earlier one
         * finishes what it has.
         */
        REPLACED,
        LEFT,
        /**
         * A heartbeat of an instance that was already replaced, or a farewell of somebody unknown.
         */
        STALE,
        /** The table is full. */
        FULL
    }

    /**
     * An instance and when it last spoke.
     *
     * @param instance who
     * @param seenNs when, on the proxy's clock
     */
    public record Seen(Instance instance, long seenNs) {}

    /**
     * Part that instances take in serving a model.
     *
     * @param role what they do
     * @param model a name, never empty
     */
    record Part(Role role, String model) {}

    /**
     * The table at one moment.
     *
     * @param all every instance, in stable order
     * @param prefill those that prefill
     * @param decode those that decode
     * @param models the names of all models
     * @param left when each part lost its last instance, of those that have none
     */
    public record Snapshot(
            List<Seen> all,
            List<Instance> prefill,
            List<Instance> decode,
            List<String> models,
            Map<Part, Long> left) {
        static final Snapshot EMPTY =
                new Snapshot(List.of(), List.of(), List.of(), List.of(), Map.of());

        /** True if this very instance is in the table. */
        public boolean has(Instance instance) {
            return of(instance.role()).stream().anyMatch(instance::is);
        }

        /** Instance that has the address and model of a heartbeat's instance. */
        public Optional<Instance> inPlaceOf(Instance instance) {
            return all.stream()
                    .map(Seen::instance)
                    .filter(i -> i.key().equals(instance.key()))
                    .findFirst();
        }

        /** Instances of a role to which requests for a model may go. */
        List<Instance> of(Role role, String model) {
            return of(role).stream().filter(i -> i.serves(model)).toList();
        }

        /** Number of instances of a role that name this model. */
        int named(Role role, String model) {
            return (int) of(role).stream().filter(i -> i.model().equals(model)).count();
        }

        List<Instance> of(Role role) {
            return switch (role) {
                case PREFILL -> prefill;
                case DECODE -> decode;
            };
        }
    }

    private final long expiryNs;
    private final long farewellNs;
    private final int maxInstances;

    // These belong to the writing thread.
    private final Map<Instance.Key, Seen> entries = new LinkedHashMap<>();
    private final Map<Part, Long> left = new LinkedHashMap<>();
    private Set<Part> present = Set.of();
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition published = lock.newCondition();

    // Written by the writing thread under the lock, read by all.
    private volatile Snapshot snapshot = Snapshot.EMPTY;

    /**
     * An empty table.
     *
     * @param expiryNs silence after which an instance is taken out
     * @param farewellNs how long a part is remembered that has no instance any more
     * @param maxInstances the most entries, and the most parts that are remembered
     */
    public InstanceTable(long expiryNs, long farewellNs, int maxInstances) {
        this.expiryNs = expiryNs;
        this.farewellNs = farewellNs;
        this.maxInstances = maxInstances;
    }

    public Snapshot snapshot() {
        return snapshot;
    }

    public Change onHeartbeat(Heartbeat heartbeat, long nowNs) {
        Change change =
                heartbeat.bye()
                        ? onBye(heartbeat.instance())
                        : onAlive(heartbeat.instance(), nowNs);
        publish(nowNs);
        return change;
    }

    private Change onBye(Instance instance) {
        Seen known = entries.get(instance.key());
        if (known == null || !known.instance().is(instance)) {
            return Change.STALE;
        }
        entries.remove(instance.key());
        return Change.LEFT;
    }

    private Change onAlive(Instance instance, long nowNs) {
        Seen known = entries.get(instance.key());
        if (known != null && known.instance().is(instance)) {
            entries.put(instance.key(), new Seen(instance, nowNs));
            return Change.REFRESHED;
        }
        if (entries.values().stream().anyMatch(s -> s.instance().follows(instance))) {
            return Change.STALE;
        }
        boolean ended = entries.values().removeIf(s -> endsElsewhere(instance, s.instance()));
        if (known == null && entries.size() >= maxInstances) {
            return Change.FULL;
        }
        // Updating in place keeps the order, which the round robin counts on.
        entries.put(instance.key(), new Seen(instance, nowNs));
        if (known == null) {
            return ended ? Change.RESTARTED : Change.ADDED;
        }
        return instance.ends(known.instance()) ? Change.RESTARTED : Change.REPLACED;
    }

    private static boolean endsElsewhere(Instance now, Instance before) {
        return !before.key().equals(now.key()) && (before.sharesControl(now) || now.ends(before));
    }

    /** Takes out who has been silent for too long. */
    public List<Instance> expire(long nowNs) {
        List<Instance> expired = new ArrayList<>();
        for (Iterator<Seen> each = entries.values().iterator(); each.hasNext(); ) {
            Seen seen = each.next();
            if (nowNs - seen.seenNs() >= expiryNs) {
                each.remove();
                expired.add(seen.instance());
            }
        }
        if (!expired.isEmpty()) {
            publish(nowNs);
        }
        return expired;
    }

    /** Time until {@link #expire} has something to do; at most the given time. */
    public long untilExpiryNs(long nowNs, long atMostNs) {
        long wait = atMostNs;
        for (Seen seen : entries.values()) {
            wait = Math.min(wait, seen.seenNs() + expiryNs - nowNs);
        }
        return Math.max(0, wait);
    }

    private void publish(long nowNs) {
        List<Seen> all = List.copyOf(entries.values());
        List<String> models =
                all.stream()
                        .map(s -> s.instance().model())
                        .filter(model -> !model.isEmpty())
                        .distinct()
                        .toList();
        remember(nowNs);
        Snapshot next =
                new Snapshot(
                        all, of(all, Role.PREFILL), of(all, Role.DECODE), models, Map.copyOf(left));
        lock.lock();
        try {
            snapshot = next;
            published.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Keeps in mind which parts have just lost their last instance. */
    private void remember(long nowNs) {
        Set<Part> now =
                entries.values().stream()
                        .map(Seen::instance)
                        .filter(i -> !i.model().isEmpty())
                        .map(i -> new Part(i.role(), i.model()))
                        .collect(Collectors.toUnmodifiableSet());
        left.keySet().removeAll(now);
        left.values().removeIf(since -> nowNs - since >= farewellNs);
        for (Part before : present) {
            if (!now.contains(before)) {
                left.put(before, nowNs);
            }
        }
        present = now;
        // Strangers could name any number of models.
        Iterator<Part> eldest = left.keySet().iterator();
        for (int over = left.size() - maxInstances; over > 0; over--) {
            eldest.next();
            eldest.remove();
        }
    }

    private static List<Instance> of(List<Seen> all, Role role) {
        return all.stream().map(Seen::instance).filter(i -> i.role() == role).toList();
    }

    /** Waits until exactly so many instances of each role are there. */
    public boolean await(int prefill, int decode, Duration timeout) throws InterruptedException {
        long leftNs = timeout.toNanos();
        lock.lock();
        try {
            while (snapshot.prefill().size() != prefill || snapshot.decode().size() != decode) {
                if (leftNs <= 0) {
                    return false;
                }
                leftNs = published.awaitNanos(leftNs);
            }
            return true;
        } finally {
            lock.unlock();
        }
    }
}
