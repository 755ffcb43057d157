// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import org.jspecify.annotations.Nullable;

/** A pool of host memory for KV in flight. Thread-safe; no method waits for memory. */
public interface HostPool extends AutoCloseable {

    /**
     * Leases memory.
     *
     * @param bytes how many, at least 1
     * @param owner whose they are, for the leak report: a transfer id, say
     * @return the lease, whose region has exactly that many bytes; {@code null} if there is no room
     *     now, or ever
     */
    @Nullable HostLease tryLease(long bytes, String owner);

    /**
     * Most leases of one size that the pool could hold if nothing else were leased. This tells
     * "never" from "not now".
     *
     * @param bytes the size of each, at least 1
     */
    long capacity(long bytes);

    /** Bytes under lease, as they were asked for. */
    long leasedBytes();

    /** Leases that haven't been closed. */
    int leases();

    /** Bytes of memory taken from the system so far. */
    long reservedBytes();

    /** The limit given at creation. */
    long maxBytes();

    /**
     * Gives all memory back. Closing twice does nothing.
     *
     * @throws IllegalStateException if leases are open, naming each with its owner and, where
     *     known, its birth site; the memory under them is kept
     */
    @Override
    void close();
}
