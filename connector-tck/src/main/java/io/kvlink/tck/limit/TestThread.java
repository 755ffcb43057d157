// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck.limit;

import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/** Thread on which a test, its setup and its teardown run, one after the other. */
final class TestThread {

    // The last one is empty.
    private final BlockingQueue<Optional<Runnable>> tasks = new LinkedBlockingQueue<>();
    private final Thread thread = new Thread(this::work, "tck-test");

    TestThread() {
        thread.setDaemon(true);
        thread.start();
    }

    Thread thread() {
        return thread;
    }

    void run(Runnable task) {
        tasks.add(Optional.of(task));
    }

    /** Ends the thread when it has done what it was given. */
    void end() {
        tasks.add(Optional.empty());
    }

    private void work() {
        try {
            for (Optional<Runnable> task = tasks.take(); task.isPresent(); task = tasks.take()) {
                task.get().run();
            }
        } catch (InterruptedException givenUp) {
            Thread.currentThread().interrupt();
        }
    }
}
