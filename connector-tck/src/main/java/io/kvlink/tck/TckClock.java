// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import java.util.concurrent.locks.LockSupport;

/** The suite's time. The suite's own tests put one in that jumps instead of waiting. */
interface TckClock {

    /** The machine's. */
    TckClock SYSTEM =
            new TckClock() {
                private static final long PAUSE_NS = 100_000;
                // A wait of that many looks is one for a deadline.
                private static final int QUICK_LOOKS = 200;
                private static final long LONG_PAUSE_NS = 2_000_000;

                @Override
                public long nowNs() {
                    return System.nanoTime();
                }

                @Override
                public void pause(int looks) {
                    LockSupport.parkNanos(looks < QUICK_LOOKS ? PAUSE_NS : LONG_PAUSE_NS);
                }
            };

    /** Present time, on no particular scale. */
    long nowNs();

    /**
     * Lets a moment pass between two looks.
     *
     * @param looks number of looks so far
     */
    void pause(int looks);
}
