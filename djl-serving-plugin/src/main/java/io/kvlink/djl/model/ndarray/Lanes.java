// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Function;

/**
 * Computes parts of a batch at the same time, each on a thread of its own, the caller's included.
 * Called by one thread.
 */
final class Lanes implements AutoCloseable {
    /** Fewer rows aren't worth a thread: their matrices are read as often as those of more. */
    static final int LEAST_ROWS = 4;

    private static final long CLOSE_DEADLINE_MS = 30_000;

    private final int count;
    private final ExecutorService others;
    // The pool makes them on the caller's thread.
    private final List<Thread> threads = new ArrayList<>();

    Lanes(int count) {
        this.count = count;
        // Starts no thread before the first part is there.
        this.others = Executors.newFixedThreadPool(Math.max(1, count - 1), this::thread);
    }

    int count() {
        return count;
    }

    private Thread thread(Runnable work) {
        Thread thread = new Thread(work, "kv-decode-" + (threads.size() + 1));
        thread.setDaemon(true);
        threads.add(thread);
        return thread;
    }

    /**
     * Computes {@code work} on equal parts of {@code rows} and puts the results together. Returns
     * or throws when no part is being computed any more.
     */
    <T> List<T> run(List<LogitsRow> rows, Function<List<LogitsRow>, List<T>> work) {
        List<List<LogitsRow>> parts = parts(rows);
        List<Future<List<T>>> elsewhere = new ArrayList<>();
        for (List<LogitsRow> part : parts.subList(1, parts.size())) {
            elsewhere.add(others.submit(() -> work.apply(part)));
        }
        List<T> results = new ArrayList<>();
        Throwable failure = null;
        try {
            results.addAll(work.apply(parts.get(0)));
        } catch (RuntimeException | Error cause) {
            failure = cause;
        }
        for (Future<List<T>> part : elsewhere) {
            try {
                results.addAll(finished(part));
            } catch (RuntimeException | Error cause) {
                failure = failure instanceof Error ? failure : cause;
            }
        }
        if (failure instanceof Error error) {
            throw error;
        }
        if (failure != null) {
            throw (RuntimeException) failure;
        }
        return results;
    }

    /** Number of parts into which so many rows are cut. */
    int parts(int rows) {
        return Math.max(1, Math.min(count, rows / LEAST_ROWS));
    }

    private List<List<LogitsRow>> parts(List<LogitsRow> rows) {
        int size = rows.size();
        int lanes = parts(size);
        List<List<LogitsRow>> parts = new ArrayList<>();
        for (int lane = 0; lane < lanes; lane++) {
            parts.add(rows.subList(lane * size / lanes, (lane + 1) * size / lanes));
        }
        return parts;
    }

    // Native work can't be interrupted, and its memory may not change hands before it has ended.
    private static <T> List<T> finished(Future<List<T>> part) {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return part.get();
                } catch (InterruptedException again) {
                    interrupted = true;
                }
            }
        } catch (ExecutionException failed) {
            if (failed.getCause() instanceof Error error) {
                throw error;
            }
            throw new IllegalStateException(failed.getCause());
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** Ends the threads; closing again does nothing. */
    @Override
    public void close() {
        others.shutdown();
        try {
            for (Thread thread : threads) {
                thread.join(CLOSE_DEADLINE_MS);
                if (thread.isAlive()) {
                    throw new IllegalStateException(
                            "thread=%s still computes".formatted(thread.getName()));
                }
            }
        } catch (InterruptedException cause) {
            Thread.currentThread().interrupt();
        }
    }
}
