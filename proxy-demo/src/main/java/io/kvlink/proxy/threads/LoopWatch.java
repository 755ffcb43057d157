// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.threads;

import io.netty.util.concurrent.EventExecutor;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;

/**
 * Knows whether event loops still turn: each writes down every second that it does. Used from any
 * thread.
 */
// A loop that takes no task is dead, and that is seen.
@SuppressWarnings("FutureReturnValueIgnored")
public final class LoopWatch {

    static final long STILL_NS = TimeUnit.SECONDS.toNanos(10);

    private final LongSupplier clock;
    private final List<Watched> loops = new CopyOnWriteArrayList<>();

    // When each loop turned last; written by it.
    private record Watched(String name, EventExecutor loop, AtomicLong turnedNs) {}

    public LoopWatch(LongSupplier clock) {
        this.clock = clock;
    }

    public void watch(String name, EventExecutor loop) {
        AtomicLong turnedNs = new AtomicLong(clock.getAsLong());
        loops.add(new Watched(name, loop, turnedNs));
        loop.scheduleAtFixedRate(() -> turnedNs.set(clock.getAsLong()), 1, 1, TimeUnit.SECONDS);
    }

    /** Event loops that have died or stand still; empty if all is well. */
    public List<String> complaints() {
        List<String> complaints = new ArrayList<>();
        for (Watched each : loops) {
            long stillNs = clock.getAsLong() - each.turnedNs().get();
            if (each.loop().isShuttingDown()) {
                complaints.add(each.name() + " thread has ended");
            } else if (stillNs > STILL_NS) {
                complaints.add(
                        "%s thread has stood still for %d s"
                                .formatted(each.name(), TimeUnit.NANOSECONDS.toSeconds(stillNs)));
            }
        }
        return complaints;
    }
}
