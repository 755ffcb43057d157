// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck.limit;

import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/** Thread of the suite that does what it is given, one after the other. */
public final class TestThread {

    // The last one is empty.
    private final BlockingQueue<Optional<Runnable>> tasks = new LinkedBlockingQueue<>();
    private final Thread thread;

    /** Thread of this name. */
    public TestThread(String name) {
        thread = new Thread(this::work, name);
        thread.setDaemon(true);
        thread.start();
    }

    Thread thread() {
        return thread;
    }

    /** Lets the thread do something; it mustn't throw. */
    public void run(Runnable task) {
        tasks.add(Optional.of(task));
    }

    /** Ends the thread when it has done what it was given. */
    public void end() {
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
