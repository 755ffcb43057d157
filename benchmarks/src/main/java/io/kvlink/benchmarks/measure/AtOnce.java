// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.measure;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;

/** Work of many clients at the same time, each on a thread of its own. */
public final class AtOnce {

    private AtOnce() {}

    /**
     * Runs all, and waits for them.
     *
     * @param clients how many
     * @param limitS how long to wait for each
     * @param work of a client, by its number
     */
    public static <T> List<T> run(int clients, long limitS, IntFunction<Callable<T>> work)
            throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(clients);
        try {
            List<Future<T>> started = new ArrayList<>();
            for (int client = 0; client < clients; client++) {
                started.add(threads.submit(work.apply(client)));
            }
            List<T> all = new ArrayList<>();
            for (Future<T> each : started) {
                all.add(each.get(limitS, TimeUnit.SECONDS));
            }
            return all;
        } finally {
            threads.shutdownNow();
        }
    }
}
