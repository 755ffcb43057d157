// SPDX-License-Identifier: Apache-2.0
package io.kvlink.store;

import java.nio.ByteBuffer;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/** Memory that blocks may take on their way between engine and files. Any thread. */
final class ByteBudget {

    private final long limit;
    private final IntFunction<ByteBuffer> memory;
    private final Object lock = new Object();
    private long bytes;
    private int leases;

    ByteBudget(long limit) {
        this(limit, ByteBuffer::allocate);
    }

    /** Budget of memory that comes from elsewhere. */
    ByteBudget(long limit, IntFunction<ByteBuffer> memory) {
        this.limit = limit;
        this.memory = memory;
    }

    /** Memory for a block, which is given back by {@link #give}; null if there is none. */
    @Nullable ByteBuffer tryAllocate(int size) {
        if (!tryTake(size)) {
            return null;
        }
        try {
            return memory.apply(size);
        } catch (OutOfMemoryError full) {
            // What fills the heap isn't known here: this block is left out, and that is all.
            give(1, size);
            return null;
        }
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
