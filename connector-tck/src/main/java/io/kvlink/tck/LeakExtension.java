// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Fails a test class that leaves a live thread of a connector behind: one whose name begins with
 * {@code kv-}. Register it with {@code @ExtendWith(LeakExtension.class)}; {@link
 * KvConnectorContract} has it already.
 */
public final class LeakExtension implements AfterAllCallback {

    /** Parameter of JUnit: milliseconds that threads have to leave their last frame. */
    static final String GRACE_MS = "io.kvlink.tck.leakGraceMs";

    /** Long, since a busy machine is no leak. */
    static final long DEFAULT_GRACE_MS = 15_000;

    @Override
    public void afterAll(ExtensionContext context) {
        long graceMs =
                context.getConfigurationParameter(GRACE_MS, Long::valueOf).orElse(DEFAULT_GRACE_MS);
        List<String> leaked = threadsLeft(graceMs);
        if (!leaked.isEmpty()) {
            throw new AssertionError(
                    "threads=%s outlive %s; close() joins what it started"
                            .formatted(leaked, context.getDisplayName()));
        }
    }

    /** Connector threads that are still alive after a moment's grace to leave their last frame. */
    static List<String> threadsLeft(long graceMs) {
        long deadlineNs = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(graceMs);
        List<String> alive = threadsNow();
        while (!alive.isEmpty() && System.nanoTime() - deadlineNs < 0) {
            LockSupport.parkNanos(1_000_000);
            alive = threadsNow();
        }
        return alive;
    }

    static List<String> threadsNow() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(Thread::isAlive)
                .map(Thread::getName)
                .filter(name -> name.startsWith("kv-"))
                .sorted()
                .toList();
    }
}
