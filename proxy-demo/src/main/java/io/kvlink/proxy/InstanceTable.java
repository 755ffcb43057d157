// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy;

import io.kvlink.spi.HostPort;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The instances that are alive, in the order in which they first came. One thread writes; any
 * thread reads the last snapshot.
 *
 * <p>An instance is known by its HTTP address. Each entry expires on its own: no entry's life
 * depends on another's heartbeat.
 */
final class InstanceTable {

    /** What a heartbeat did. */
    enum Change {
        ADDED,
        REFRESHED,
        RESTARTED,
        LEFT,
        /** A farewell of somebody unknown, or of a process that was already replaced. */
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
    record Seen(Instance instance, long seenNs) {}

    /**
     * The table at one moment.
     *
     * @param all every instance, in stable order
     * @param prefill those that prefill
     * @param decode those that decode
     */
    record Snapshot(List<Seen> all, List<Instance> prefill, List<Instance> decode) {
        static final Snapshot EMPTY = new Snapshot(List.of(), List.of(), List.of());

        /** Whether this very process is in it. */
        boolean has(Instance instance) {
            return of(instance.role()).stream().anyMatch(instance::sameProcess);
        }

        List<Instance> of(Role role) {
            return switch (role) {
                case PREFILL -> prefill;
                case DECODE -> decode;
            };
        }
    }

    private final long expiryNs;
    private final int maxInstances;

    // Both belong to the writing thread.
    private final Map<HostPort, Seen> entries = new LinkedHashMap<>();
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition published = lock.newCondition();

    // Written by the writing thread under the lock, read by all.
    private volatile Snapshot snapshot = Snapshot.EMPTY;

    InstanceTable(long expiryNs, int maxInstances) {
        this.expiryNs = expiryNs;
        this.maxInstances = maxInstances;
    }

    Snapshot snapshot() {
        return snapshot;
    }

    Change onHeartbeat(Heartbeat heartbeat, long nowNs) {
        Change change =
                heartbeat.bye()
                        ? onBye(heartbeat.instance())
                        : onAlive(heartbeat.instance(), nowNs);
        publish();
        return change;
    }

    private Change onBye(Instance instance) {
        Seen known = entries.get(instance.http());
        if (known == null || !known.instance().sameProcess(instance)) {
            return Change.STALE;
        }
        entries.remove(instance.http());
        return Change.LEFT;
    }

    private Change onAlive(Instance instance, long nowNs) {
        // A control address has one process behind it: the newcomer is its successor.
        boolean moved =
                entries.values()
                        .removeIf(
                                s ->
                                        s.instance().zmq().equals(instance.zmq())
                                                && !s.instance().http().equals(instance.http()));
        Seen known = entries.get(instance.http());
        if (known == null && entries.size() >= maxInstances) {
            return Change.FULL;
        }
        // Updating in place keeps the order, which the round robin counts on.
        entries.put(instance.http(), new Seen(instance, nowNs));
        if (known == null) {
            return moved ? Change.RESTARTED : Change.ADDED;
        }
        return known.instance().sameProcess(instance) ? Change.REFRESHED : Change.RESTARTED;
    }

    /** Takes out who has been silent for too long. */
    List<Instance> expire(long nowNs) {
        List<Instance> expired = new ArrayList<>();
        for (Iterator<Seen> each = entries.values().iterator(); each.hasNext(); ) {
            Seen seen = each.next();
            if (nowNs - seen.seenNs() >= expiryNs) {
                each.remove();
                expired.add(seen.instance());
            }
        }
        if (!expired.isEmpty()) {
            publish();
        }
        return expired;
    }

    /** How long until {@link #expire} has something to do; at most the given time. */
    long untilExpiryNs(long nowNs, long atMostNs) {
        long wait = atMostNs;
        for (Seen seen : entries.values()) {
            wait = Math.min(wait, seen.seenNs() + expiryNs - nowNs);
        }
        return Math.max(0, wait);
    }

    private void publish() {
        List<Seen> all = List.copyOf(entries.values());
        Snapshot next = new Snapshot(all, of(all, Role.PREFILL), of(all, Role.DECODE));
        lock.lock();
        try {
            snapshot = next;
            published.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private static List<Instance> of(List<Seen> all, Role role) {
        return all.stream().map(Seen::instance).filter(i -> i.role() == role).toList();
    }

    /** Waits until exactly so many instances of each role are there. */
    boolean await(int prefill, int decode, Duration timeout) throws InterruptedException {
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
