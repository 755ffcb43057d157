// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * News from other threads to the scheduler's thread: a request came, something changed, close. Any
 * thread may call, but {@link #arrivals}, {@link #await} and the counting belong to the
 * scheduler's.
 *
 * <p>Invariant: {@link #waiting} counts the requests without KV memory, those still in here
 * included.
 */
final class SchedulerInbox {

    /** Fate of a request that was offered. */
    enum Verdict {
        ACCEPTED,
        FULL,
        DRAINING,
        CLOSED
    }

    private final Object lock = new Object();
    private final int capacity;
    // These four are guarded by the lock.
    private final Queue<Sequence> arrived = new ArrayDeque<>();
    private int waiting;
    private boolean draining;
    private boolean closed;

    // Set by any thread, cleared by the scheduler's.
    private final AtomicBoolean woken = new AtomicBoolean();
    private volatile @Nullable Thread sleeper;

    SchedulerInbox(int capacity) {
        this.capacity = capacity;
    }

    Verdict offer(Sequence sequence) {
        synchronized (lock) {
            if (closed) {
                return Verdict.CLOSED;
            }
            if (draining) {
                return Verdict.DRAINING;
            }
            if (waiting >= capacity) {
                return Verdict.FULL;
            }
            waiting++;
            arrived.add(sequence);
        }
        wake();
        return Verdict.ACCEPTED;
    }

    /** Takes no more requests; those that came are served. */
    void drain() {
        synchronized (lock) {
            draining = true;
        }
        wake();
    }

    boolean draining() {
        synchronized (lock) {
            return draining;
        }
    }

    /** Takes no more requests; those that came remain to be fetched. */
    void close() {
        synchronized (lock) {
            closed = true;
        }
        wake();
    }

    boolean closed() {
        synchronized (lock) {
            return closed;
        }
    }

    /** The requests that came since the last call, in their order. */
    List<Sequence> arrivals() {
        synchronized (lock) {
            if (arrived.isEmpty()) {
                return List.of();
            }
            List<Sequence> all = new ArrayList<>(arrived);
            arrived.clear();
            return all;
        }
    }

    /** A waiting request got memory or ended (-1), or lost its memory again (+1). */
    void addWaiting(int change) {
        synchronized (lock) {
            waiting += change;
        }
    }

    int waiting() {
        synchronized (lock) {
            return waiting;
        }
    }

    /** Ends a wait, this one or the next. Returns at once. */
    void wake() {
        woken.set(true);
        Thread thread = sleeper;
        if (thread != null) {
            LockSupport.unpark(thread);
        }
    }

    /** Waits to be woken, so long at most. */
    void await(long nanos) {
        sleeper = Thread.currentThread();
        if (!woken.get()) {
            // May return early: the caller looks around and waits again.
            LockSupport.parkNanos(this, nanos);
        }
        sleeper = null;
        woken.set(false);
    }
}
