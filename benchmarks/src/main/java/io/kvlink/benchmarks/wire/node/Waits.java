// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.wire.node;

import java.util.concurrent.locks.LockSupport;

/** Waits of engine threads until a moment. */
final class Waits {

    private Waits() {}

    /**
     * Parks, and spins at the end.
     *
     * @param ns the moment
     * @param spinNs how long before it to begin to spin; {@link Long#MAX_VALUE}: at once
     */
    static void until(long ns, long spinNs) {
        for (long leftNs; (leftNs = ns - System.nanoTime()) > 0; ) {
            if (leftNs > spinNs) {
                LockSupport.parkNanos(leftNs - spinNs);
            } else {
                Thread.onSpinWait();
            }
        }
    }
}
