// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

/**
 * The right to use some bytes of a {@link HostPool}. Whoever holds the lease closes it, once. A pin
 * keeps the bytes in place while somebody reads or writes them.
 */
public interface HostLease extends AutoCloseable {

    /** The bytes, valid until {@link #close}. */
    MemoryRegion region();

    /** An operation on the bytes begins. */
    void pin();

    /** An operation on the bytes has ended. */
    void unpin();

    /**
     * Gives the bytes back.
     *
     * @throws IllegalStateException if it was closed before, or is pinned
     */
    @Override
    void close();
}
