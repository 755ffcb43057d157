// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import io.kvlink.djl.generation.TextGenerator;
import io.kvlink.djl.http.ModelDirectory;
import io.kvlink.spi.HostPort;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Future;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The workers of this process, by name. Of a name there may be several: versions of one model of
 * DJL Serving, of which the newest is asked, and workers that drain. Thread-safe.
 */
final class Workers implements ModelDirectory {

    /**
     * Workers of the process. Static, since DJL Serving makes the plugin's handler, DJL makes the
     * models, and neither hands anything of ours to the other.
     */
    static final Workers SHARED = new Workers();

    /** A worker, and which version of which model it is to DJL Serving; none elsewhere. */
    private static final class Entry {
        final TextGenerator worker;
        final Optional<ModelVersion> version;
        // Set under the lock, read by any thread.
        volatile boolean draining;
        volatile long drainingSinceNs;

        Entry(TextGenerator worker, Optional<ModelVersion> version) {
            this.worker = worker;
            this.version = version;
        }
    }

    // Changed under the lock, in the order of registration; read by any thread.
    private final CopyOnWriteArrayList<Entry> entries = new CopyOnWriteArrayList<>();
    private final Object lock = new Object();

    /** One of each name: the newest that takes requests, or else the newest. */
    @Override
    public List<TextGenerator> models() {
        List<TextGenerator> models = new ArrayList<>();
        for (Entry entry : entries) {
            if (current(entry.worker.modelName()) == entry) {
                models.add(entry.worker);
            }
        }
        return models;
    }

    @Override
    public Optional<TextGenerator> at(HostPort kvAddress) {
        return entries.stream()
                .map(entry -> entry.worker)
                .filter(worker -> worker.kvAddress().filter(kvAddress::equals).isPresent())
                .findFirst();
    }

    /** The worker of a version that DJL Serving names. */
    Optional<TextGenerator> version(ModelVersion version) {
        return newest(entry -> entry.version.filter(version::equals).isPresent());
    }

    /** The worker of the newest version of a model that DJL Serving names. */
    Optional<TextGenerator> model(String name) {
        return newest(
                entry -> entry.version.filter(known -> known.model().equals(name)).isPresent());
    }

    /**
     * Makes a worker known. Another version of the same model is no longer announced then, and
     * still serves who was sent to it.
     *
     * @throws IllegalStateException if there is one of that name that isn't such a version
     */
    void add(TextGenerator worker, Optional<ModelVersion> version) {
        synchronized (lock) {
            requireFree(worker.modelName(), version);
            Entry before = current(worker.modelName());
            entries.add(new Entry(worker, version));
            if (before != null) {
                before.worker.announce(false);
            }
        }
    }

    /**
     * Asks whether a worker of that name may be added.
     *
     * @throws IllegalStateException if not
     */
    void requireFree(String name, Optional<ModelVersion> version) {
        for (Entry known : entries) {
            if (known.worker.modelName().equals(name)
                    && !known.draining
                    && !ModelVersion.follow(known.version, version)) {
                throw new IllegalStateException(
                        "model_name="
                                + name
                                + " is taken; give one of the two another option.model_name, or"
                                + " load the model on one device only");
            }
        }
    }

    /** True if peers reach one of the workers at this address. */
    boolean has(HostPort kvAddress) {
        return at(kvAddress).isPresent();
    }

    /** Drains a worker, and closes it when nothing is left to be done or its time is over. */
    void end(TextGenerator worker) {
        drain(worker);
        Draining.await(worker, drainingSinceNs(worker));
        close(worker);
    }

    /** Like {@link #end}, on a thread of its own if something is left to be done. */
    void endLater(TextGenerator worker) {
        drain(worker);
        if (Draining.idle(worker)) {
            end(worker);
        } else {
            Thread thread = new Thread(() -> end(worker), "kv-drain");
            thread.setDaemon(true);
            thread.start();
        }
    }

    /** Drains all workers together, and closes them. */
    void endAll() {
        entries.forEach(entry -> drain(entry.worker));
        entries.forEach(entry -> end(entry.worker));
    }

    private void drain(TextGenerator worker) {
        synchronized (lock) {
            for (Entry entry : entries) {
                if (entry.worker == worker && !entry.draining) {
                    entry.draining = true;
                    entry.drainingSinceNs = System.nanoTime();
                }
            }
            Future<?> unused = worker.drain();
            // The version before it, if there still is one, takes its place.
            Entry now = current(worker.modelName());
            if (now != null && !now.draining) {
                now.worker.announce(true);
            }
        }
    }

    /** Start of a worker's time to drain, whoever has begun it. */
    private long drainingSinceNs(TextGenerator worker) {
        return entries.stream()
                .filter(entry -> entry.worker == worker)
                .mapToLong(entry -> entry.drainingSinceNs)
                .findFirst()
                .orElseGet(System::nanoTime);
    }

    private void close(TextGenerator worker) {
        worker.close();
        synchronized (lock) {
            entries.removeIf(entry -> entry.worker == worker);
        }
        FreedMemory.giveBack();
    }

    private Optional<TextGenerator> newest(Predicate<Entry> condition) {
        return Optional.ofNullable(current(condition)).map(entry -> entry.worker);
    }

    private @Nullable Entry current(String name) {
        return current(entry -> entry.worker.modelName().equals(name));
    }

    /** The newest that takes requests, or else the newest. */
    private @Nullable Entry current(Predicate<Entry> condition) {
        Entry newest = null;
        for (Entry entry : entries) {
            boolean better = newest == null || !entry.draining || newest.draining;
            if (condition.test(entry) && better) {
                newest = entry;
            }
        }
        return newest;
    }
}
