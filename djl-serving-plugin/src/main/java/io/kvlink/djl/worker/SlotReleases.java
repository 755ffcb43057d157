// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.djl.engine.KvSlots;
import java.util.ArrayList;
import java.util.List;

/**
 * Slots and pickers that nobody needs any more but calls in flight: given back when those have
 * landed. A failure of one keeps none of the others. Scheduler's thread.
 */
final class SlotReleases {

    private record Left(Sequence sequence, Runnable release) {}

    private final List<Left> waiting = new ArrayList<>();
    private final FailureLog failures;

    SlotReleases(FailureLog failures) {
        this.failures = failures;
    }

    /** Releases slots that were a sequence's. */
    void release(Sequence sequence, KvSlots slots) {
        release(new Left(sequence, slots::release));
    }

    /** Closes the picker of a sequence that has ended. */
    void close(Sequence sequence) {
        release(new Left(sequence, sequence.answer()::close));
    }

    private void release(Left left) {
        if (left.sequence.flying()) {
            waiting.add(left);
            return;
        }
        try {
            left.release.run();
        } catch (RuntimeException | Error cause) {
            Failures.rethrowFatal(cause);
            failures.add("release", left.sequence.ids(), cause);
        }
    }

    /** Calls have landed. */
    void onLanded() {
        List<Left> before = List.copyOf(waiting);
        waiting.clear();
        before.forEach(this::release);
    }

    /** True if nothing waits. */
    boolean none() {
        return waiting.isEmpty();
    }
}
