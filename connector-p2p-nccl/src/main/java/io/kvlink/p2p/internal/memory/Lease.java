// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.memory;

import io.kvlink.spi.MemoryRegion;

/** The right to use some bytes. Whoever holds the lease closes it, once. */
public interface Lease extends AutoCloseable {

    /** The bytes, valid until {@link #close}. */
    MemoryRegion region();

    /** Number of leased bytes. */
    long bytes();

    /**
     * Gives the bytes back.
     *
     * @throws IllegalStateException if it was closed before
     */
    @Override
    void close();
}
