// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.arrival;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Progress of a transfer: the layers that are here with all their chunks. The device thread says
 * what has arrived, the control thread that no more will; the engine's thread waits for a layer.
 */
public final class Arrival {

    // Longer than a wake-up takes; a layer that is on the wire comes sooner.
    private static final long SPIN_NS = TimeUnit.MICROSECONDS.toNanos(50);

    private final LongSupplier clock;
    // Chunks of each layer. Written by the device thread.
    private final AtomicIntegerArray here;
    private volatile int count;
    // How many chunks. Written by the control thread before the device knows of any.
    private volatile int chunks = 1;
    private volatile long lastNs;
    // Written by the control thread, once.
    private volatile Expectation.@Nullable Failed failure;
    // Written by the engine's thread, read by those that wake it.
    private volatile @Nullable Thread waiter;

    /**
     * Progress of a transfer of which nothing has come.
     *
     * @param layers how many it has
     * @param clock the time
     */
    public Arrival(int layers, LongSupplier clock) {
        this.clock = clock;
        here = new AtomicIntegerArray(layers);
    }

    /** True if a layer is in its memory. From any thread. */
    public boolean here(int layer) {
        return here.get(layer) == chunks;
    }

    /** True if all layers are. From any thread. */
    public boolean complete() {
        return count == here.length() * chunks;
    }

    /** Reason that the missing layers will not come; {@code null} while they may. */
    public Expectation.@Nullable Failed failure() {
        return failure;
    }

    /**
     * Waits for a layer. By the engine's thread.
     *
     * @param layer the layer
     * @param deadlineNs when to give up, on {@link System#nanoTime()}'s clock
     * @return false if it will not come, or the deadline passed first
     */
    public boolean await(int layer, long deadlineNs) {
        if (here(layer)) {
            return true;
        }
        long spinUntilNs = Math.min(deadlineNs - System.nanoTime(), SPIN_NS) + System.nanoTime();
        while (!here(layer) && failure == null && System.nanoTime() - spinUntilNs < 0) {
            Thread.onSpinWait();
        }
        waiter = Thread.currentThread();
        boolean interrupted = false;
        try {
            while (!here(layer) && failure == null) {
                long leftNs = deadlineNs - System.nanoTime();
                if (leftNs <= 0) {
                    return false;
                }
                LockSupport.parkNanos(this, leftNs);
                interrupted |= Thread.interrupted(); // Or the next park wouldn't wait.
            }
            return here(layer);
        } finally {
            waiter = null;
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** Sets the number of chunks of each layer; none has come. By the control thread. */
    public void expect(int chunks) {
        if (count != 0) {
            throw new IllegalStateException("count=" + count);
        }
        this.chunks = chunks;
    }

    /**
     * A chunk of a layer came, each once. By the device thread.
     *
     * @param layer the layer
     * @param report runs before the engine's thread can see the chunk, which may let go of the
     *     transfer at once: whoever hears of both hears of the arrival first
     */
    @SuppressWarnings("NonAtomicVolatileUpdate") // The device thread is the only writer.
    public void arrived(int layer, Runnable report) {
        lastNs = clock.getAsLong();
        report.run();
        here.incrementAndGet(layer);
        count = count + 1;
        LockSupport.unpark(waiter);
    }

    /** The missing layers will not come. By the control thread, once. */
    public void fail(Expectation.Failed reason) {
        failure = reason;
        LockSupport.unpark(waiter);
    }

    /** Time of the latest piece; meaningless before the first. */
    public long lastNs() {
        return lastNs;
    }
}
