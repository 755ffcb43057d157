// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.memory;

import io.kvlink.spi.HostLease;
import io.kvlink.spi.HostPool;
import io.kvlink.spi.MemoryRegion;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Leases room for all layers of a group or for none: from the buffer while it has room, then from
 * the host pool. Thread-safe; no method waits for memory. Buffer and pool belong to the caller, who
 * closes them after the last lease.
 */
public final class TransferMemory {

    private final KvBuffer buffer;
    private final @Nullable HostPool pool;
    // Changed by whoever leases or closes.
    private final AtomicLong bufferBytes = new AtomicLong();
    private final AtomicLong poolBytes = new AtomicLong();
    private final AtomicInteger leases = new AtomicInteger();

    /**
     * Joins a buffer and a pool.
     *
     * @param buffer asked first
     * @param pool asked when the buffer is full; {@code null} if there is none
     */
    public TransferMemory(KvBuffer buffer, @Nullable HostPool pool) {
        this.buffer = buffer;
        this.pool = pool;
    }

    /**
     * Leases a region for each layer.
     *
     * @param layers how many, at least 1
     * @param bytesPerLayer size of each region, at least 1
     * @param owner whose they are, for the leak report: a transfer id, say
     * @return the leases, or {@code null} if there is no room for all of them now
     */
    public @Nullable LayerLeases tryLease(int layers, long bytesPerLayer, String owner) {
        check(layers, bytesPerLayer);
        Group group = new Group();
        try {
            for (int layer = 0; layer < layers; layer++) {
                if (!group.tryAdd(bytesPerLayer, owner)) {
                    group.release();
                    return null;
                }
            }
        } catch (RuntimeException | Error cause) {
            group.release();
            throw cause;
        }
        leases.incrementAndGet();
        return group;
    }

    /**
     * True if the layers would fit if nothing else were leased.
     *
     * @param layers how many, at least 1
     * @param bytesPerLayer size of each, at least 1
     */
    public boolean canEverFit(int layers, long bytesPerLayer) {
        check(layers, bytesPerLayer);
        long fit = buffer.capacity(bytesPerLayer);
        if (pool != null) {
            fit += pool.capacity(bytesPerLayer);
        }
        return layers <= fit;
    }

    /** The most bytes that buffer and pool may take. */
    public long maxBytes() {
        return buffer.budgetBytes() + (pool == null ? 0 : pool.maxBytes());
    }

    /** Bytes leased from the buffer through this object. */
    public long bufferBytes() {
        return bufferBytes.get();
    }

    /** Bytes leased from the pool through this object. */
    public long poolBytes() {
        return poolBytes.get();
    }

    /** {@link LayerLeases} that haven't been closed. */
    public int leases() {
        return leases.get();
    }

    private static void check(int layers, long bytesPerLayer) {
        if (layers < 1 || bytesPerLayer < 1) {
            throw new IllegalArgumentException(
                    "layers=" + layers + " bytesPerLayer=" + bytesPerLayer);
        }
    }

    private final class Group implements LayerLeases {

        private final List<MemoryRegion> regions = new ArrayList<>();
        private final List<Lease> fromBuffer = new ArrayList<>();
        private final List<HostLease> fromPool = new ArrayList<>();
        private final AtomicBoolean closed = new AtomicBoolean();

        boolean tryAdd(long bytes, String owner) {
            // Once the buffer is full it stays so for this group: its layers are of one size.
            Lease lease = fromPool.isEmpty() ? buffer.tryLease(bytes) : null;
            if (lease != null) {
                fromBuffer.add(lease);
                regions.add(lease.region());
                bufferBytes.addAndGet(bytes);
                return true;
            }
            HostLease pooled = pool == null ? null : pool.tryLease(bytes, owner);
            if (pooled != null) {
                fromPool.add(pooled);
                regions.add(pooled.region());
                poolBytes.addAndGet(bytes);
            }
            return pooled != null;
        }

        @Override
        public List<MemoryRegion> regions() {
            return List.copyOf(regions);
        }

        @Override
        public void close() {
            if (!closed.compareAndSet(false, true)) {
                throw new IllegalStateException("released twice: regions=" + regions);
            }
            leases.decrementAndGet();
            release();
        }

        // Releases every lease, whatever one of them throws.
        void release() {
            RuntimeException failure = null;
            for (Lease lease : fromBuffer) {
                bufferBytes.addAndGet(-lease.bytes());
                failure = closing(lease, failure);
            }
            for (HostLease lease : fromPool) {
                poolBytes.addAndGet(-lease.region().bytes());
                failure = closing(lease, failure);
            }
            if (failure != null) {
                throw failure;
            }
        }

        private static @Nullable RuntimeException closing(
                AutoCloseable lease, @Nullable RuntimeException earlier) {
            try {
                lease.close();
                return earlier;
            } catch (Exception cause) {
                IllegalStateException failure =
                        new IllegalStateException("releasing " + lease, cause);
                if (earlier != null) {
                    earlier.addSuppressed(failure);
                    return earlier;
                }
                return failure;
            }
        }
    }
}
