// SPDX-License-Identifier: Apache-2.0
package io.kvlink.http;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Work on requests' bodies away from event loops, so that one client's large bodies don't delay
 * another's. Small bodies have a thread of their own. Within a size, clients take turns. One client
 * can fill half of the room at most. Threads end when there is nothing to do. Thread-safe.
 */
public final class FairTasks implements AutoCloseable {

    /** Most bytes of a small body: some milliseconds of work. */
    public static final int SMALL_BYTES = 64 << 10;

    private static final long IDLE_SECONDS = 5;

    /**
     * Most that may wait or be worked on.
     *
     * @param tasks of all clients; half of them of one
     * @param bytes of all clients; half of them of one
     */
    public record Room(int tasks, long bytes) {}

    private record Task(String client, long bytes, Runnable work) {}

    /** Room that one client, or all of them, take. */
    private static final class Held {
        private int tasks;
        private long bytes;

        private void add(int moreTasks, long moreBytes) {
            tasks += moreTasks;
            bytes += moreBytes;
        }
    }

    /** Tasks of a size and their threads. */
    private static final class Lane {
        private final ClientTurns<Task> waiting = new ClientTurns<>();
        private final int mostThreads;
        private int threads;
        private int idle;

        Lane(int mostThreads) {
            this.mostThreads = mostThreads;
        }
    }

    private final Room room;
    private final ThreadFactory factory;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    // Under the lock, as all below.
    private final Lane small = new Lane(1);
    private final Lane large;
    private final Map<String, Held> held = new HashMap<>();
    private final Held all = new Held();
    private boolean closed;

    /**
     * Makes a place for work; it has no thread until there is some.
     *
     * @param largeThreads for large bodies; there is one more for small ones
     * @param factory makes the threads
     */
    public FairTasks(Room room, int largeThreads, ThreadFactory factory) {
        this.room = room;
        this.large = new Lane(largeThreads);
        this.factory = factory;
    }

    /**
     * Queues work.
     *
     * @param client whose it is
     * @param bytes of the body, which is kept until the work is done
     * @param work may not throw
     * @return false if there is too much to do; nothing is done then
     */
    public boolean offer(String client, long bytes, Runnable work) {
        Optional<Thread> started;
        lock.lock();
        try {
            if (closed || !hasRoom(client, bytes)) {
                return false;
            }
            account(client, 1, bytes);
            Lane lane = bytes <= SMALL_BYTES ? small : large;
            lane.waiting.add(client, new Task(client, bytes, work));
            started = threadFor(lane);
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        started.ifPresent(Thread::start);
        return true;
    }

    private boolean hasRoom(String client, long bytes) {
        Held own = held.getOrDefault(client, new Held());
        return all.tasks < room.tasks()
                && all.bytes + bytes <= room.bytes()
                && own.tasks < (room.tasks() + 1) / 2
                // One body is always taken, however large.
                && (own.tasks == 0 || own.bytes + bytes <= room.bytes() / 2);
    }

    private void account(String client, int tasks, long bytes) {
        all.add(tasks, bytes);
        Held own = held.computeIfAbsent(client, any -> new Held());
        own.add(tasks, bytes);
        if (own.tasks == 0) {
            held.remove(client);
        }
    }

    private Optional<Thread> threadFor(Lane lane) {
        if (lane.waiting.size() <= lane.idle || lane.threads == lane.mostThreads) {
            return Optional.empty();
        }
        lane.threads++;
        return Optional.of(factory.newThread(() -> serve(lane)));
    }

    // ---- on the threads ----

    private void serve(Lane lane) {
        boolean ended = false;
        try {
            for (Task task = next(lane); task != null; task = next(lane)) {
                run(task);
            }
            ended = true;
        } finally {
            if (!ended) {
                // An Error: the next offer makes another thread.
                retire(lane);
            }
        }
    }

    private void run(Task task) {
        try {
            task.work.run();
        } finally {
            lock.lock();
            try {
                account(task.client, -1, -task.bytes);
            } finally {
                lock.unlock();
            }
        }
    }

    private void retire(Lane lane) {
        lock.lock();
        try {
            lane.threads--;
        } finally {
            lock.unlock();
        }
    }

    /** The next task for a lane's thread; null if the thread is to end, and isn't counted then. */
    private @Nullable Task next(Lane lane) {
        lock.lock();
        lane.idle++;
        try {
            long restNs = TimeUnit.SECONDS.toNanos(IDLE_SECONDS);
            Task task = poll(lane);
            while (task == null && !closed && restNs > 0) {
                restNs = changed.awaitNanos(restNs);
                task = poll(lane);
            }
            lane.threads -= task == null ? 1 : 0;
            return task;
        } catch (InterruptedException stop) {
            lane.threads--;
            return null;
        } finally {
            lane.idle--;
            lock.unlock();
        }
    }

    private @Nullable Task poll(Lane lane) {
        Task task = lane.waiting.poll();
        return task == null && lane == large ? small.waiting.poll() : task;
    }

    /** Ends the threads; what hasn't begun is dropped. */
    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            small.waiting.clear();
            large.waiting.clear();
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }
}
