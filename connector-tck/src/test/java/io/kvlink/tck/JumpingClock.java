// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import java.util.concurrent.atomic.AtomicLong;

/** Time that passes only while the suite pauses: waiting costs no time, and no machine is slow. */
final class JumpingClock implements TckClock {

    private static final long JUMP_NS = 2_000_000;

    private final AtomicLong nowNs = new AtomicLong();

    @Override
    public long nowNs() {
        return nowNs.get();
    }

    @Override
    public void pause(int looks) {
        nowNs.addAndGet(JUMP_NS);
    }
}
