// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck.pool;

import io.kvlink.spi.Availability;
import io.kvlink.spi.HostLease;
import io.kvlink.spi.HostPool;
import io.kvlink.spi.HostPoolConfig;
import io.kvlink.spi.HostPoolProvider;
import io.kvlink.spi.KvSpi;
import io.kvlink.spi.MemoryRegion;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Host pools that are watched: which are open, and who has leases. A lease's memory is overwritten
 * when it is given back, so that late reads are recognised. Thread-safe.
 */
public final class WatchedHostPools implements HostPoolProvider {

    private static final byte POISON = (byte) 0xE5;

    private final Optional<HostPoolProvider> real;
    private final boolean full;
    private final Set<Watched> open = ConcurrentHashMap.newKeySet();
    private final Set<Lease> leases = ConcurrentHashMap.newKeySet();

    /**
     * Provider without pools so far.
     *
     * @param real makes the pools; empty for plain ones
     * @param full true for pools that never have room
     */
    public WatchedHostPools(Optional<HostPoolProvider> real, boolean full) {
        this.real = real;
        this.full = full;
    }

    /** Owners of the leases that are open. */
    public List<String> owners() {
        return leases.stream().map(lease -> lease.owner).sorted().toList();
    }

    /** Number of pools that are open. */
    public int openPools() {
        return open.size();
    }

    @Override
    public String name() {
        return "watched";
    }

    @Override
    public int spiVersion() {
        return KvSpi.VERSION;
    }

    @Override
    public Availability availability() {
        return Availability.usable();
    }

    @Override
    public HostPool create(HostPoolConfig config) {
        HostPool pool = real.isPresent() ? real.get().create(config) : new PlainHostPool(config);
        Watched watched = new Watched(pool);
        open.add(watched);
        return watched;
    }

    private final class Watched implements HostPool {

        private final HostPool pool;

        Watched(HostPool pool) {
            this.pool = pool;
        }

        @Override
        public @Nullable HostLease tryLease(long bytes, String owner) {
            HostLease lease = full ? null : pool.tryLease(bytes, owner);
            return lease == null ? null : new Lease(lease, owner);
        }

        @Override
        public long capacity(long bytes) {
            return pool.capacity(bytes);
        }

        @Override
        public long leasedBytes() {
            return pool.leasedBytes();
        }

        @Override
        public int leases() {
            return pool.leases();
        }

        @Override
        public long reservedBytes() {
            return pool.reservedBytes();
        }

        @Override
        public long maxBytes() {
            return pool.maxBytes();
        }

        @Override
        public void close() {
            pool.close();
            open.remove(this);
        }
    }

    private final class Lease implements HostLease {

        private final HostLease lease;
        private final String owner;

        Lease(HostLease lease, String owner) {
            this.lease = lease;
            this.owner = owner;
            leases.add(this);
        }

        @Override
        public MemoryRegion region() {
            return lease.region();
        }

        @Override
        public void pin() {
            lease.pin();
        }

        @Override
        public void unpin() {
            lease.unpin();
        }

        @Override
        public void close() {
            ByteBuffer memory = lease.region().buffer();
            for (int i = 0; i < memory.capacity(); i++) {
                memory.put(i, POISON);
            }
            lease.close();
            leases.remove(this);
        }
    }
}
