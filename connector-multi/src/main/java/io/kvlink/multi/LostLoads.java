// SPDX-License-Identifier: Apache-2.0
package io.kvlink.multi;

import io.kvlink.spi.TransferOutcome;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Loads of a step whose part threw when it was to plan them, on their way to the step's report. Any
 * thread.
 */
final class LostLoads {

    private final Object lock = new Object();
    private final List<TransferOutcome> failed = new ArrayList<>();

    void add(TransferOutcome outcome) {
        synchronized (lock) {
            failed.add(outcome);
        }
    }

    /** Requests whose loads are lost, and aren't reported yet. */
    Set<String> requests() {
        synchronized (lock) {
            return failed.stream().map(TransferOutcome::requestId).collect(Collectors.toSet());
        }
    }

    /** Takes what is to be reported. */
    List<TransferOutcome> take() {
        synchronized (lock) {
            List<TransferOutcome> taken = List.copyOf(failed);
            failed.clear();
            return taken;
        }
    }
}
