// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import java.util.concurrent.atomic.AtomicLong;

/**
 * How much of the JVM's heap weights may take that lie in native memory already: a quarter of it,
 * by all decoders together. Thread-safe.
 *
 * <p>Invariant: free and leased bytes are those it was made with.
 */
final class HeapShare {
    private static final int PART = 4;

    /** The process's: a host loads these classes once, whatever the number of its models. */
    static final HeapShare OF_PROCESS = new HeapShare(Runtime.getRuntime().maxMemory() / PART);

    private final AtomicLong free;

    HeapShare(long bytes) {
        free = new AtomicLong(bytes);
    }

    /** Bytes that nobody has. */
    long free() {
        return free.get();
    }

    /** A lease of no bytes yet. */
    Lease lease() {
        return new Lease();
    }

    /** What one decoder has of it, until it is closed. Of one thread. */
    final class Lease implements AutoCloseable {
        private long held;

        private Lease() {}

        /** Takes bytes; false if so many aren't free, and nothing is taken then. */
        boolean take(long bytes) {
            for (long seen = free.get(); seen >= bytes; seen = free.get()) {
                if (free.compareAndSet(seen, seen - bytes)) {
                    held += bytes;
                    return true;
                }
            }
            return false;
        }

        /** Gives back what was taken; closing again does nothing. */
        @Override
        public void close() {
            free.addAndGet(held);
            held = 0;
        }
    }
}
