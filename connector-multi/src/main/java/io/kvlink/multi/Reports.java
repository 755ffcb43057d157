// SPDX-License-Identifier: Apache-2.0
package io.kvlink.multi;

import io.kvlink.spi.WorkerReport;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Consumer;

/** Reports of the parts' workers, on their way to the parts' schedulers. Any thread. */
final class Reports {

    private final Queue<List<WorkerReport>> waiting = new ConcurrentLinkedQueue<>();

    /** Takes what all parts reported at once, in their order. */
    void put(List<WorkerReport> ofParts) {
        waiting.add(ofParts);
    }

    /** Gives away what waits. */
    void drain(Consumer<List<WorkerReport>> to) {
        for (List<WorkerReport> next = waiting.poll(); next != null; next = waiting.poll()) {
            to.accept(next);
        }
    }
}
