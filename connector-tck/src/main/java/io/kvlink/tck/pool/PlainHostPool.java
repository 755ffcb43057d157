// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck.pool;

import io.kvlink.spi.HostLease;
import io.kvlink.spi.HostPool;
import io.kvlink.spi.HostPoolConfig;
import io.kvlink.spi.MemoryKind;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.PageLocker;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** Pool whose leases are buffers of their own. Thread-safe. */
final class PlainHostPool implements HostPool {

    private final HostPoolConfig config;
    private long leasedBytes;
    private int leases;

    PlainHostPool(HostPoolConfig config) {
        this.config = config;
    }

    @Override
    public synchronized @Nullable HostLease tryLease(long bytes, String owner) {
        if (bytes > config.maxBytes() - leasedBytes || bytes > Integer.MAX_VALUE) {
            return null;
        }
        MemoryRegion region = allocate(Math.toIntExact(bytes));
        leasedBytes += bytes;
        leases++;
        return new Lease(region, owner);
    }

    private MemoryRegion allocate(int bytes) {
        if (config.kind() == MemoryKind.HEAP) {
            return MemoryRegion.ofBuffer(ByteBuffer.allocate(bytes));
        }
        ByteBuffer memory = ByteBuffer.allocateDirect(bytes);
        return config.pageLocker()
                .map(locker -> MemoryRegion.ofPinned(memory, locker.lock(memory)))
                .orElseGet(() -> MemoryRegion.ofBuffer(memory));
    }

    private synchronized void takeBack(MemoryRegion region) {
        config.pageLocker().ifPresent(locker -> unlock(locker, region));
        leasedBytes -= region.bytes();
        leases--;
    }

    private static void unlock(PageLocker locker, MemoryRegion region) {
        locker.unlock(region.address());
    }

    @Override
    public long capacity(long bytes) {
        return config.maxBytes() / bytes;
    }

    @Override
    public synchronized long leasedBytes() {
        return leasedBytes;
    }

    @Override
    public synchronized int leases() {
        return leases;
    }

    @Override
    public long reservedBytes() {
        return leasedBytes();
    }

    @Override
    public long maxBytes() {
        return config.maxBytes();
    }

    @Override
    public synchronized void close() {
        if (leases > 0) {
            throw new IllegalStateException("leases=" + leases + " are open");
        }
    }

    private final class Lease implements HostLease {

        private final MemoryRegion region;
        private final String owner;
        private int pins;
        private boolean closed;

        Lease(MemoryRegion region, String owner) {
            this.region = region;
            this.owner = owner;
        }

        @Override
        public MemoryRegion region() {
            return region;
        }

        @Override
        public synchronized void pin() {
            pins++;
        }

        @Override
        public synchronized void unpin() {
            pins--;
        }

        @Override
        public synchronized void close() {
            if (closed || pins > 0) {
                throw new IllegalStateException(
                        "owner=%s closed=%b pins=%d".formatted(owner, closed, pins));
            }
            closed = true;
            takeBack(region);
        }
    }
}
