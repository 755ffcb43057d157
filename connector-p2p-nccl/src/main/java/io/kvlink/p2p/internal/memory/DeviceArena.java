// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.memory;

import io.kvlink.p2p.internal.cuda.CudaDevice;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.MemoryRegion;
import org.jspecify.annotations.Nullable;

/**
 * The {@code kv_buffer_size} bytes for KV on a GPU: one allocation, since peers map it as a whole.
 * Leases have exactly the size asked for and begin at multiples of 16 bytes. Thread-safe; no method
 * waits for memory.
 */
public final class DeviceArena implements KvBuffer {

    // What kernels copy at once.
    private static final long ALIGNMENT = 16;

    private final Object lock = new Object();
    private final CudaDevice device;
    private final MemoryRegion region;
    private final FreeRanges ranges;
    private long leasedBytes;
    private int leases;
    private boolean closed;

    /**
     * Allocates an arena.
     *
     * @param device where; borrowed until {@link #close}, and attached to the calling thread
     * @param bytes how large, at least 1
     * @throws KvConnectorException with {@link KvError#BAD_CONFIG} if the device has no room
     */
    public DeviceArena(CudaDevice device, long bytes) {
        this.device = device;
        region = MemoryRegion.ofDevice(device.ordinal(), allocate(device, bytes), bytes);
        ranges = new FreeRanges(aligned(bytes));
    }

    private static long allocate(CudaDevice device, long bytes) {
        try {
            return device.allocate(bytes);
        } catch (KvConnectorException cause) {
            throw new KvConnectorException(
                    KvError.BAD_CONFIG,
                    "kv_buffer_size=%d device=%d freeBytes=%d; lower it, or leave the engine less memory"
                            .formatted(bytes, device.ordinal(), device.freeBytes()),
                    cause);
        }
    }

    private static long aligned(long bytes) {
        return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }

    /** All of it, leased or not; valid until {@link #close}. */
    public MemoryRegion region() {
        return region;
    }

    @Override
    public @Nullable Lease tryLease(long bytes) {
        if (bytes < 1) {
            throw new IllegalArgumentException("bytes=" + bytes);
        }
        synchronized (lock) {
            if (closed || bytes > region.bytes()) {
                return null;
            }
            long offset = ranges.take(aligned(bytes));
            if (offset < 0) {
                return null;
            }
            if (offset + bytes > region.bytes()) {
                ranges.give(offset, aligned(bytes)); // Only the last range reaches beyond the end.
                return null;
            }
            leases++;
            leasedBytes += bytes;
            return new ArenaLease(offset, region.slice(offset, bytes));
        }
    }

    @Override
    public long budgetBytes() {
        return region.bytes();
    }

    @Override
    public long capacity(long bytes) {
        return bytes > region.bytes() ? 0 : (region.bytes() - bytes) / aligned(bytes) + 1;
    }

    @Override
    public long leasedBytes() {
        synchronized (lock) {
            return leasedBytes;
        }
    }

    @Override
    public long reservedBytes() {
        return region.bytes();
    }

    @Override
    public int leases() {
        synchronized (lock) {
            return leases;
        }
    }

    /**
     * Frees the memory. Closing twice does nothing.
     *
     * @throws IllegalStateException if leases are open; then the memory stays
     */
    @Override
    public void close() {
        synchronized (lock) {
            if (closed) {
                return;
            }
            closed = true;
            if (leases > 0) {
                throw new IllegalStateException(
                        "device arena closed with open leases: leases="
                                + leases
                                + " bytes="
                                + leasedBytes);
            }
        }
        device.attach();
        device.free(region.address());
    }

    private final class ArenaLease implements Lease {

        private final long offset;
        private final MemoryRegion part;
        // Guarded by lock.
        private boolean released;

        ArenaLease(long offset, MemoryRegion part) {
            this.offset = offset;
            this.part = part;
        }

        @Override
        public MemoryRegion region() {
            return part;
        }

        @Override
        public long bytes() {
            return part.bytes();
        }

        @Override
        public void close() {
            synchronized (lock) {
                if (released) {
                    throw new IllegalStateException("released twice: " + this);
                }
                released = true;
                ranges.give(offset, aligned(part.bytes()));
                leases--;
                leasedBytes -= part.bytes();
            }
        }

        @Override
        public String toString() {
            return "Lease[offset=" + offset + " bytes=" + part.bytes() + "]";
        }
    }
}
