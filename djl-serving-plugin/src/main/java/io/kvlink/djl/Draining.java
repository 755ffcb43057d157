// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import io.kvlink.djl.generation.TextGenerator;
import io.kvlink.djl.generation.WorkerStatus;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The time between a worker's last accepted request and its end. */
final class Draining {

    private static final Logger log = LoggerFactory.getLogger(Draining.class);

    private Draining() {}

    /** True if there is nothing to wait for. */
    static boolean idle(TextGenerator worker) {
        WorkerStatus status = worker.status();
        return status.waiting() + status.running() == 0
                && status.ledger().map(ledger -> ledger.transfers() == 0).orElse(true);
    }

    /**
     * Waits until a drained worker has ended what it does, or its time is over.
     *
     * @param sinceNs when its time began, by {@link System#nanoTime}
     */
    static void await(TextGenerator worker, long sinceNs) {
        if (!idle(worker)) {
            log.info("{} drain_seconds={}", summary(worker), worker.drainLimit().toSeconds());
        }
        try {
            long leftNs = worker.drainLimit().toNanos() - (System.nanoTime() - sinceNs);
            worker.drain().get(Math.max(0, leftNs), TimeUnit.NANOSECONDS);
        } catch (TimeoutException late) {
            log.warn("{}; drain_seconds are over, so running requests fail", summary(worker));
        } catch (InterruptedException stop) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException cause) {
            throw new IllegalStateException("a drain completes with nothing", cause);
        }
    }

    private static String summary(TextGenerator worker) {
        WorkerStatus status = worker.status();
        return "model=%s drains waiting=%d running=%d"
                .formatted(worker.modelName(), status.waiting(), status.running());
    }
}
