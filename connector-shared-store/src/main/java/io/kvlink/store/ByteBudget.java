// SPDX-License-Identifier: Apache-2.0
package io.kvlink.store;

/** Memory that blocks may take on their way between engine and files. Any thread. */
final class ByteBudget {

    private final long limit;
    private final Object lock = new Object();
    private long bytes;
    private int leases;

    ByteBudget(long limit) {
        this.limit = limit;
    }

    /** Takes memory for a block; false if there is none. */
    boolean tryTake(long size) {
        synchronized (lock) {
            if (size > limit - bytes) {
                return false;
            }
            bytes += size;
            leases++;
            return true;
        }
    }

    /** Gives memory of some blocks back. */
    void give(int count, long size) {
        synchronized (lock) {
            bytes -= count * size;
            leases -= count;
            if (bytes < 0 || leases < 0) {
                throw new IllegalStateException("bytes=%d leases=%d".formatted(bytes, leases));
            }
        }
    }

    long bytes() {
        synchronized (lock) {
            return bytes;
        }
    }

    int leases() {
        synchronized (lock) {
            return leases;
        }
    }
}
