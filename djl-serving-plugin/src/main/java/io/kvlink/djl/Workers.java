// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import io.kvlink.djl.http.ModelDirectory;
import io.kvlink.djl.worker.TextGenerator;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** The workers of this process, by name. Thread-safe. */
final class Workers implements ModelDirectory {

    /**
     * The one place of static state: DJL Serving makes the plugin's handler, DJL makes the models,
     * and neither hands anything of ours from one to the other.
     */
    static final Workers SHARED = new Workers();

    private final CopyOnWriteArrayList<TextGenerator> workers = new CopyOnWriteArrayList<>();
    private final Object adding = new Object();

    @Override
    public List<TextGenerator> models() {
        return workers;
    }

    /**
     * Makes a worker known.
     *
     * @throws IllegalStateException if there is one of that name
     */
    void add(TextGenerator worker) {
        synchronized (adding) {
            requireFree(worker.modelName());
            workers.add(worker);
        }
    }

    void requireFree(String name) {
        if (workers.stream().anyMatch(known -> known.modelName().equals(name))) {
            throw new IllegalStateException(
                    "model_name="
                            + name
                            + " is taken; give one of the two another option.model_name, or load"
                            + " the model on one device only");
        }
    }

    void remove(TextGenerator worker) {
        workers.remove(worker);
    }

    /** Ends all of them; each says goodbye to its peers and fails what it is doing. */
    void closeAll() {
        workers.forEach(TextGenerator::close);
    }
}
