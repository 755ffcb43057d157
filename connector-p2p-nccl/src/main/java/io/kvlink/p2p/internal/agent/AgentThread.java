// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.agent;

import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs an {@link Agent} on a daemon thread of its own. A portion of work that throws is logged,
 * once for each distinct failure, and the next one is tried. Stopping never interrupts: the agent
 * may be inside a library that forbids it.
 */
public final class AgentThread {

    private static final Logger logger = LoggerFactory.getLogger(AgentThread.class);
    private static final long IDLE_NS = TimeUnit.MILLISECONDS.toNanos(20);
    // A turn takes milliseconds. A machine that is out of breath may take a second.
    private static final long STALL_NS = TimeUnit.SECONDS.toNanos(10);

    private final Agent agent;
    private final LongSupplier clock;
    private final Thread thread;

    // Written by stop(), read by the thread.
    private volatile boolean stopping;
    // When the last turn began, and why there is none any more. Written by the thread.
    private volatile long turnedNs;
    private volatile @Nullable Throwable fatal;

    // The thread's own.
    private String lastFailure = "";
    private long failures;

    /** Not started yet. */
    public AgentThread(String name, Agent agent, LongSupplier clock) {
        this.agent = agent;
        this.clock = clock;
        thread = new Thread(this::run, name);
        thread.setDaemon(true);
    }

    /** Starts the thread. */
    public void start() {
        turnedNs = clock.getAsLong();
        thread.start();
    }

    /** Asks the thread to end after its current portion of work. */
    public void stop() {
        stopping = true;
        agent.wakeup();
    }

    /**
     * Waits for the thread's end.
     *
     * @param deadlineNs when to give up
     * @return true if it has ended
     */
    public boolean join(long deadlineNs) {
        boolean interrupted = false;
        while (thread.isAlive()) {
            long leftMs = TimeUnit.NANOSECONDS.toMillis(deadlineNs - clock.getAsLong());
            if (leftMs <= 0) {
                break;
            }
            try {
                thread.join(leftMs);
            } catch (InterruptedException cause) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return !thread.isAlive();
    }

    /** Reason that no work is done here any more, if so. From any thread. */
    public Optional<String> fault() {
        if (fatal != null || !thread.isAlive()) {
            return Optional.of("thread=%s has ended: %s".formatted(thread.getName(), fatal));
        }
        long silentNs = clock.getAsLong() - turnedNs;
        return silentNs < STALL_NS
                ? Optional.empty()
                : Optional.of(
                        "thread=%s stands still for %d s"
                                .formatted(
                                        thread.getName(),
                                        TimeUnit.NANOSECONDS.toSeconds(silentNs)));
    }

    private void run() {
        try {
            while (!stopping) {
                work();
            }
        } catch (Throwable end) {
            fatal = end;
            throw end;
        } finally {
            try {
                agent.onClose();
            } catch (RuntimeException failure) {
                report(failure);
            }
        }
    }

    // Survives everything but a VirtualMachineError.
    private void work() {
        try {
            long nowNs = clock.getAsLong();
            turnedNs = nowNs;
            if (agent.doWork(nowNs) == 0) {
                agent.idle(IDLE_NS);
            }
        } catch (VirtualMachineError fatal) {
            throw fatal;
        } catch (RuntimeException | Error failure) {
            report(failure);
        }
    }

    // One line for each distinct failure: a loop that fails each time must not fill a disk.
    private void report(Throwable failure) {
        failures++;
        String text = failure.toString();
        if (!text.equals(lastFailure)) {
            lastFailure = text;
            logger.error("thread={} failures={}", thread.getName(), failures, failure);
        }
    }
}
