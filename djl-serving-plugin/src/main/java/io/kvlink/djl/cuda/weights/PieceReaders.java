// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda.weights;

import io.kvlink.djl.model.config.ModelLoadException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Threads that read pieces of tensors, in the order in which they were asked for. One thread asks,
 * awaits and closes. Readers are never interrupted: that would close the files they read.
 */
final class PieceReaders implements AutoCloseable {

    private static final long DEADLINE_SECONDS = 300;

    private final ExecutorService work;
    private final List<Thread> threads = new ArrayList<>();
    private volatile boolean stopped;

    PieceReaders(int count) {
        // A thread is made by submit, so on the thread that asks.
        work = Executors.newFixedThreadPool(count, this::newThread);
    }

    /** Lets a thread read a piece. A piece that hasn't begun when this is closed isn't read. */
    Future<?> submit(Runnable piece) {
        return work.submit(
                () -> {
                    if (stopped) {
                        throw new CancellationException("the upload has ended");
                    }
                    piece.run();
                });
    }

    /**
     * Waits for a piece.
     *
     * @throws RuntimeException what its reading threw
     */
    static void await(Future<?> piece) {
        try {
            piece.get(DEADLINE_SECONDS, TimeUnit.SECONDS);
        } catch (ExecutionException failed) {
            if (failed.getCause() instanceof RuntimeException unchecked) {
                throw unchecked;
            }
            throw new ModelLoadException("weights not read: " + failed.getCause(), failed);
        } catch (TimeoutException slow) {
            throw new ModelLoadException(
                    "a piece of the weights wasn't read within %d s; does the disk answer?"
                            .formatted(DEADLINE_SECONDS),
                    slow);
        } catch (InterruptedException stop) {
            Thread.currentThread().interrupt();
            throw new ModelLoadException("interrupted while weights were read", stop);
        }
    }

    /**
     * Ends the threads, after the pieces that they read now.
     *
     * @throws ModelLoadException if they go on beyond the deadline: their buffers are in use then
     */
    @Override
    public void close() {
        stopped = true;
        work.shutdown();
        try {
            for (Thread thread : threads) {
                thread.join(TimeUnit.SECONDS.toMillis(DEADLINE_SECONDS));
            }
        } catch (InterruptedException stop) {
            Thread.currentThread().interrupt();
        }
        if (threads.stream().anyMatch(Thread::isAlive)) {
            throw new ModelLoadException("weights are still being read; their buffers are kept");
        }
    }

    private Thread newThread(Runnable loop) {
        Thread thread = new Thread(loop, "kv-load-" + threads.size());
        thread.setDaemon(true);
        threads.add(thread);
        return thread;
    }
}
