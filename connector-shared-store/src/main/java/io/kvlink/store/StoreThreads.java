// SPDX-License-Identifier: Apache-2.0
package io.kvlink.store;

import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Daemon threads that may wait for a slow file system. */
final class StoreThreads {

    private static final Logger log = LoggerFactory.getLogger(StoreThreads.class);
    private static final Duration STOP_LIMIT = Duration.ofSeconds(2);

    private final String name;
    private final ExecutorService threads;

    StoreThreads(String name, int count) {
        this.name = name;
        AtomicInteger number = new AtomicInteger();
        this.threads =
                Executors.newFixedThreadPool(
                        count,
                        task -> {
                            Thread thread = new Thread(task, name + "-" + number.getAndIncrement());
                            thread.setDaemon(true);
                            return thread;
                        });
    }

    /** Task that is run, or dropped when the threads end before it has begun. */
    private record Work(Runnable task, Runnable drop) implements Runnable {
        @Override
        public void run() {
            task.run();
        }
    }

    /**
     * Runs a task on one of the threads.
     *
     * @param drop run instead, on the thread that ends them, if they end before
     */
    void execute(Runnable task, Runnable drop) {
        try {
            threads.execute(new Work(task, drop));
        } catch (RejectedExecutionException ended) {
            drop.run();
        }
    }

    /** Ends what has begun, drops the rest, and waits for the threads for a limited time. */
    void stop() {
        threads.shutdown();
        finish(Duration.ZERO);
    }

    /** Ends what was given to the threads, as far as it is done within a limit. */
    void finish(Duration limit) {
        threads.shutdown();
        if (!await(limit)) {
            for (Runnable left : threads.shutdownNow()) {
                if (left instanceof Work work) {
                    work.drop.run();
                }
            }
            if (!await(STOP_LIMIT)) {
                log.warn("threads={} still wait for the file system", name);
            }
        }
    }

    private boolean await(Duration limit) {
        try {
            return threads.awaitTermination(limit.toNanos(), TimeUnit.NANOSECONDS);
        } catch (InterruptedException cause) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}
