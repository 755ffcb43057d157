// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.djl.generation.WorkerHealth;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Signs of life of a worker's thread. The thread says when it turns and why it ends; any thread may
 * ask.
 */
final class Pulse {

    private final Thread thread;
    private final long stallNs;
    private final LongSupplier clock;

    // Written by the thread.
    private volatile long turnedNs;
    private volatile @Nullable Throwable fatal;
    // Written by whoever drains and closes the worker.
    private volatile boolean draining;
    private volatile boolean closing;

    /**
     * Makes a pulse.
     *
     * @param thread whose it is
     * @param stall longest time that a turn may take
     * @param clock nanoseconds
     */
    Pulse(Thread thread, Duration stall, LongSupplier clock) {
        this.thread = thread;
        this.stallNs = stall.toNanos();
        this.clock = clock;
        turnedNs = clock.getAsLong();
    }

    /** A turn begins. */
    void turn() {
        turnedNs = clock.getAsLong();
    }

    /** The thread ends, and nobody asked it to. */
    void end(Throwable cause) {
        fatal = cause;
    }

    /** The worker takes no more requests. */
    void drain() {
        draining = true;
    }

    /** The worker is asked to end. */
    void close() {
        closing = true;
    }

    boolean closing() {
        return closing;
    }

    /** Meaning of the thread's state to clients. */
    WorkerHealth health() {
        List<String> whyNotLive = new ArrayList<>();
        long silentNs = clock.getAsLong() - turnedNs;
        if (fatal != null || (!thread.isAlive() && !closing)) {
            whyNotLive.add("thread=%s has ended: %s".formatted(thread.getName(), fatal));
        } else if (thread.isAlive() && silentNs >= stallNs) {
            whyNotLive.add(
                    "thread=%s stands still for %d s"
                            .formatted(thread.getName(), TimeUnit.NANOSECONDS.toSeconds(silentNs)));
        }
        return whyNotLive.isEmpty() && draining && !closing
                ? WorkerHealth.DRAINING
                : new WorkerHealth(whyNotLive, closing ? List.of("worker=closing") : List.of());
    }
}
