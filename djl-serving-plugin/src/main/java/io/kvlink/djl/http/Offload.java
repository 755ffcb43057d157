// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Two threads for what takes too long for an event loop: parsing and tokenising. Bounded by number
 * and by bytes; whatever comes on top is refused. The threads end when there is nothing to do, as a
 * DJL Serving plugin isn't told when to stop.
 */
final class Offload implements AutoCloseable {

    private static final int THREADS = 2;
    private static final int MAX_TASKS = 256;
    private static final long MAX_BYTES = 256L << 20;

    private final AtomicInteger threads = new AtomicInteger();
    private final AtomicLong queuedBytes = new AtomicLong();
    private final ThreadPoolExecutor executor;

    Offload() {
        executor =
                new ThreadPoolExecutor(
                        THREADS,
                        THREADS,
                        5,
                        TimeUnit.SECONDS,
                        new ArrayBlockingQueue<>(MAX_TASKS),
                        this::newThread);
        executor.allowCoreThreadTimeOut(true);
    }

    /**
     * Queues a task. From any thread.
     *
     * @param bytes memory that the task keeps until it has run
     * @param task may not throw
     * @return false if there is too much to do; the task isn't run then
     */
    boolean offer(long bytes, Runnable task) {
        if (queuedBytes.addAndGet(bytes) > MAX_BYTES) {
            queuedBytes.addAndGet(-bytes);
            return false;
        }
        try {
            executor.execute(
                    () -> {
                        try {
                            task.run();
                        } finally {
                            queuedBytes.addAndGet(-bytes);
                        }
                    });
            return true;
        } catch (RejectedExecutionException full) {
            queuedBytes.addAndGet(-bytes);
            return false;
        }
    }

    /** Ends the threads; tasks that haven't begun are dropped. */
    @Override
    public void close() {
        executor.shutdownNow();
    }

    private Thread newThread(Runnable work) {
        Thread thread = new Thread(work, "kv-http-" + threads.getAndIncrement());
        thread.setDaemon(true);
        return thread;
    }
}
