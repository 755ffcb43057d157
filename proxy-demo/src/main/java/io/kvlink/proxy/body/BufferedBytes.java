// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.body;

import java.util.concurrent.atomic.AtomicLong;

/** Bytes of request bodies that all connections hold, up to a limit. Used from any thread. */
public final class BufferedBytes {

    private final long limit;
    // Written by the event loops.
    private final AtomicLong held = new AtomicLong();

    public BufferedBytes(long limit) {
        this.limit = limit;
    }

    /** Bytes held by one connection. Belongs to its event loop. */
    public final class Share {
        private long bytes;

        /** Takes so many more; false, with nothing taken, if the limit forbids it. */
        boolean take(long more) {
            if (held.addAndGet(more) > limit) {
                held.addAndGet(-more);
                return false;
            }
            bytes += more;
            return true;
        }

        /** Gives all back. */
        public void release() {
            held.addAndGet(-bytes);
            bytes = 0;
        }
    }

    public Share share() {
        return new Share();
    }

    public long held() {
        return held.get();
    }
}
