// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.threads;

import io.netty.util.concurrent.FastThreadLocalThread;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes one server's daemon threads and waits for their end, which neither Netty nor JeroMQ does to
 * the last instruction. Used from any thread.
 */
public final class ProxyThreads {

    private static final Logger LOG = LoggerFactory.getLogger(ProxyThreads.class);

    // Written by whoever starts a thread.
    private final List<Thread> started = new CopyOnWriteArrayList<>();
    private final AtomicInteger number = new AtomicInteger();

    public Thread named(Runnable task, String name) {
        Thread thread = new FastThreadLocalThread(task, name);
        thread.setDaemon(true);
        started.removeIf(t -> t.getState() == Thread.State.TERMINATED);
        started.add(thread);
        return thread;
    }

    public Thread numbered(Runnable task, String name) {
        return named(task, name + "-" + number.incrementAndGet());
    }

    /** Waits for all of them together at most so long. */
    public void join(long timeoutMs) {
        long endNs = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMs);
        try {
            for (Thread thread : started) {
                long leftMs = TimeUnit.NANOSECONDS.toMillis(endNs - System.nanoTime());
                thread.join(Math.max(1, leftMs));
                if (thread.isAlive()) {
                    LOG.warn("thread={} still runs after {} ms", thread.getName(), timeoutMs);
                }
            }
        } catch (InterruptedException cause) {
            Thread.currentThread().interrupt();
        }
    }
}
