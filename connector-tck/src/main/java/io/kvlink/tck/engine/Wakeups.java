// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck.engine;

import java.time.Duration;
import java.util.Optional;
import java.util.function.LongSupplier;

/** Wakeups that an engine hasn't answered by looking again. Thread-safe. */
final class Wakeups {

    private final LongSupplier clock;
    private final Duration limit;
    private Optional<Long> unansweredNs = Optional.empty();
    private boolean late;

    /**
     * None so far.
     *
     * @param clock nanoseconds
     * @param limit time that an engine has to look again
     */
    Wakeups(LongSupplier clock, Duration limit) {
        this.clock = clock;
        this.limit = limit;
    }

    synchronized void onWakeup() {
        if (unansweredNs.isEmpty()) {
            unansweredNs = Optional.of(clock.getAsLong());
        }
    }

    /** The engine looks: it asks, or takes the report. */
    synchronized void onLook() {
        late |= isLate();
        unansweredNs = Optional.empty();
    }

    /** The engine is closed, and needn't look any more. */
    synchronized void onClose() {
        unansweredNs = Optional.empty();
    }

    /** True once, if a wakeup wasn't answered in time. */
    synchronized boolean takeLate() {
        boolean now = late || isLate();
        late = false;
        if (isLate()) {
            unansweredNs = Optional.empty();
        }
        return now;
    }

    private boolean isLate() {
        return unansweredNs
                .filter(since -> clock.getAsLong() - since > limit.toNanos())
                .isPresent();
    }
}
