// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Patience of a thread with nothing to do: it polls again and again before it sleeps, since waking
 * it costs more than most transfers. Device thread.
 */
final class Spinning {

    private static final long SPIN_NS = TimeUnit.MICROSECONDS.toNanos(200);
    private static final long GPU_SPIN_NS = TimeUnit.MILLISECONDS.toNanos(5);
    private static final long NAP_NS = TimeUnit.MICROSECONDS.toNanos(50);

    private long lastWorkNs;

    void worked(long nowNs) {
        lastWorkNs = nowNs;
    }

    /**
     * Spins or naps; false if the thread may sleep until somebody wakes it.
     *
     * @param gpuWorks whether a GPU works, which wakes nobody
     * @param nowNs the time
     * @param maxNs how long to nap at most
     */
    boolean spins(boolean gpuWorks, long nowNs, long maxNs) {
        long idleNs = nowNs - lastWorkNs;
        if (idleNs < (gpuWorks ? GPU_SPIN_NS : SPIN_NS)) {
            Thread.onSpinWait();
            return true;
        }
        if (gpuWorks) {
            LockSupport.parkNanos(this, Math.min(maxNs, NAP_NS));
        }
        return gpuWorks;
    }
}
