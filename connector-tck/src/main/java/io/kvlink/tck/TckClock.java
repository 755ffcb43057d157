// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import java.util.concurrent.locks.LockSupport;

/** The suite's time. The suite's own tests put one in that jumps instead of waiting. */
interface TckClock {

    /** The machine's. */
    TckClock SYSTEM =
            new TckClock() {
                private static final long PAUSE_NS = 100_000;

                @Override
                public long nowNs() {
                    return System.nanoTime();
                }

                @Override
                public void pause() {
                    LockSupport.parkNanos(PAUSE_NS);
                }
            };

    /** Present time, on no particular scale. */
    long nowNs();

    /** Lets a moment pass between two looks. */
    void pause();
}
