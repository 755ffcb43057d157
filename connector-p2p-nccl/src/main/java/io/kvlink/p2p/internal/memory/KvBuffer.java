// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.memory;

import org.jspecify.annotations.Nullable;

/** The {@code kv_buffer_size} bytes for KV. Thread-safe; no method waits for memory. */
public interface KvBuffer extends AutoCloseable {

    /**
     * Leases memory.
     *
     * @param bytes how many, at least 1
     * @return the lease, or {@code null} if there is no room now, or ever
     */
    @Nullable Lease tryLease(long bytes);

    /** The limit given at creation. */
    long budgetBytes();

    /**
     * Most leases of one size that the buffer could hold if nothing else were leased.
     *
     * @param bytes the size of each, at least 1
     */
    long capacity(long bytes);

    /** Bytes under lease. */
    long leasedBytes();

    /** Bytes of memory taken from the system. */
    long reservedBytes();

    /** Leases that haven't been closed. */
    int leases();

    /**
     * Leases no more. Closing twice does nothing.
     *
     * @throws IllegalStateException if leases are open; they stay valid
     */
    @Override
    void close();
}
