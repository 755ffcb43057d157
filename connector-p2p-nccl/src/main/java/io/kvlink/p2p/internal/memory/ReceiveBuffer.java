// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.memory;

import io.kvlink.spi.MemoryRegion;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The {@code kv_buffer_size} bytes for received KV on a host without GPU. Leases have exactly the
 * size asked for and are cut from slabs of direct memory, which are allocated when needed and kept.
 * The slabs together never exceed the budget. Thread-safe; no method waits for memory.
 */
public final class ReceiveBuffer implements KvBuffer {

    private static final Logger LOG = LoggerFactory.getLogger(ReceiveBuffer.class);
    private static final long SLAB_BYTES = 64L << 20;
    // After a slab that couldn't be had, one of a fraction is tried, down to what is asked for.
    private static final int FRACTION = 8;
    private static final long LEAST_BYTES = 64 << 10;

    private final Object lock = new Object();
    private final long budgetBytes;
    private final long slabBytes;
    private final IntFunction<ByteBuffer> allocator;
    private final List<Slab> slabs = new ArrayList<>();
    private long reservedBytes;
    private long leasedBytes;
    private int leases;
    // No larger slab is asked for: each refusal costs a full collection.
    private long largestBytes = Integer.MAX_VALUE;
    private boolean closed;

    /**
     * Makes a buffer, without memory yet.
     *
     * @param budgetBytes upper limit of the memory taken; 0 for none
     */
    public ReceiveBuffer(long budgetBytes) {
        this(budgetBytes, SLAB_BYTES, ByteBuffer::allocateDirect);
    }

    ReceiveBuffer(long budgetBytes, long slabBytes, IntFunction<ByteBuffer> allocator) {
        if (budgetBytes < 0 || slabBytes < 1) {
            throw new IllegalArgumentException(
                    "budgetBytes=" + budgetBytes + " slabBytes=" + slabBytes);
        }
        this.budgetBytes = budgetBytes;
        this.slabBytes = slabBytes;
        this.allocator = allocator;
    }

    @Override
    public @Nullable Lease tryLease(long bytes) {
        if (bytes < 1) {
            throw new IllegalArgumentException("bytes=" + bytes);
        }
        synchronized (lock) {
            if (closed || bytes > budgetBytes) {
                return null;
            }
            for (Slab slab : slabs) {
                long offset = slab.ranges.take(bytes);
                if (offset >= 0) {
                    return lease(slab, offset, bytes);
                }
            }
            Slab slab = tryReserve(bytes);
            return slab == null ? null : lease(slab, slab.ranges.take(bytes), bytes);
        }
    }

    @Override
    public long budgetBytes() {
        return budgetBytes;
    }

    @Override
    public long capacity(long bytes) {
        synchronized (lock) {
            if (largestBytes == Integer.MAX_VALUE) {
                return bytes > largestBytes ? 0 : fit(budgetBytes, slabBytes, bytes);
            }
            long there = slabs.stream().mapToLong(slab -> slab.memory.bytes() / bytes).sum();
            return bytes > largestBytes
                    ? there
                    : there
                            + fit(
                                    budgetBytes - reservedBytes,
                                    Math.min(slabBytes, largestBytes),
                                    bytes);
        }
    }

    /** Most leases of one size that fit into so many bytes, cut into slabs. */
    private static long fit(long budget, long slab, long bytes) {
        return bytes > slab
                ? budget / bytes
                : budget / slab * (slab / bytes) + budget % slab / bytes;
    }

    @Override
    public long leasedBytes() {
        synchronized (lock) {
            return leasedBytes;
        }
    }

    @Override
    public long reservedBytes() {
        synchronized (lock) {
            return reservedBytes;
        }
    }

    @Override
    public int leases() {
        synchronized (lock) {
            return leases;
        }
    }

    /**
     * Leases no more. The memory goes when nobody refers to it. Closing twice does nothing.
     *
     * @throws IllegalStateException if leases are open; they stay valid
     */
    @Override
    public void close() {
        synchronized (lock) {
            if (closed) {
                return;
            }
            closed = true;
            slabs.clear();
            if (leases > 0) {
                throw new IllegalStateException(
                        "receive buffer closed with open leases: leases="
                                + leases
                                + " bytes="
                                + leasedBytes);
            }
        }
    }

    private Lease lease(Slab slab, long offset, long bytes) {
        leases++;
        leasedBytes += bytes;
        return new SlabLease(slab, offset, bytes);
    }

    private @Nullable Slab tryReserve(long bytes) {
        if (bytes > largestBytes) {
            return null;
        }
        if (bytes > budgetBytes - reservedBytes) {
            dropEmptySlabs(bytes);
        }
        long leftBytes = budgetBytes - reservedBytes;
        Slab slab = null;
        while (slab == null && bytes <= Math.min(leftBytes, largestBytes)) {
            long usual = Math.min(slabBytes, Math.min(largestBytes, leftBytes));
            slab = allocate(Math.max(bytes, usual), bytes);
        }
        return slab;
    }

    private @Nullable Slab allocate(long size, long least) {
        try {
            Slab slab = new Slab(allocator.apply((int) size));
            slabs.add(slab);
            reservedBytes += size;
            return slab;
        } catch (OutOfMemoryError cause) {
            if (largestBytes == Integer.MAX_VALUE) {
                LOG.warn(
                        "kv_buffer_size={} reserved={} asked={}; no direct memory left, raise -XX:MaxDirectMemorySize",
                        budgetBytes,
                        reservedBytes,
                        size);
            }
            long fraction = size / FRACTION < LEAST_BYTES ? 0 : size / FRACTION;
            largestBytes = size > least ? Math.max(least, fraction) : fraction;
            return null;
        }
    }

    // A lease larger than the free slabs may fit where several of them were.
    private void dropEmptySlabs(long bytes) {
        Iterator<Slab> all = slabs.iterator();
        while (all.hasNext() && bytes > budgetBytes - reservedBytes) {
            Slab slab = all.next();
            if (slab.ranges.isWhole()) {
                all.remove();
                reservedBytes -= slab.memory.bytes();
            }
        }
    }

    private static final class Slab {

        final MemoryRegion memory;
        final FreeRanges ranges;

        Slab(ByteBuffer buffer) {
            memory = MemoryRegion.ofBuffer(buffer);
            ranges = new FreeRanges(buffer.capacity());
        }
    }

    private final class SlabLease implements Lease {

        private final Slab slab;
        private final long offset;
        private final long bytes;
        private final MemoryRegion region;
        // Guarded by lock.
        private boolean released;

        SlabLease(Slab slab, long offset, long bytes) {
            this.slab = slab;
            this.offset = offset;
            this.bytes = bytes;
            this.region = slab.memory.slice(offset, bytes);
        }

        @Override
        public MemoryRegion region() {
            return region;
        }

        @Override
        public long bytes() {
            return bytes;
        }

        @Override
        public void close() {
            synchronized (lock) {
                if (released) {
                    throw new IllegalStateException("released twice: " + this);
                }
                released = true;
                slab.ranges.give(offset, bytes);
                leases--;
                leasedBytes -= bytes;
            }
        }

        @Override
        public String toString() {
            return "Lease[offset=" + offset + " bytes=" + bytes + "]";
        }
    }
}
