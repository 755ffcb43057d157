// SPDX-License-Identifier: Apache-2.0
package io.kvlink.pool;

import io.kvlink.spi.HostLease;
import io.kvlink.spi.HostPool;
import io.kvlink.spi.HostPoolConfig;
import io.kvlink.spi.KvConnectorException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Leases blocks of arenas that it opens when they are needed. Thread-safe: one lock guards all
 * state, and it isn't held while memory is taken from the system or given back.
 *
 * <p>{@link #tryLease} may open an arena, which takes as long as the system needs to clear and lock
 * its pages. Another caller that needs that arena meanwhile is refused, not kept waiting. When the
 * system has no memory, or it can't be locked, the pool stops opening arenas of that size.
 */
final class BuddyHostPool implements HostPool {

    private static final Logger LOG = LoggerFactory.getLogger(BuddyHostPool.class);

    private final HostPoolConfig config;
    private final ArenaMemory.Source source;
    private final boolean track;

    private final Object lock = new Object();
    // The lock guards everything below. Arenas are in the order they were opened.
    private final List<Arena> arenas = new ArrayList<>();
    private final ArenaPlan plan;
    private final PoolAccount account = new PoolAccount();
    private long reservedBytes;
    private boolean outOfMemory;
    private boolean closed;

    BuddyHostPool(HostPoolConfig config, ArenaMemory.Source source, boolean track) {
        this.config = config;
        this.source = source;
        this.track = track;
        this.plan = new ArenaPlan(config.maxBytes());
    }

    @Override
    public @Nullable HostLease tryLease(long bytes, String owner) {
        if (bytes < 1) {
            throw new IllegalArgumentException("bytes=%d owner=%s".formatted(bytes, owner));
        }
        BirthSite birth = track ? BirthSite.capture() : null;
        int arenaBytes;
        synchronized (lock) {
            checkOpen();
            RegionLease lease = place(bytes, owner, birth);
            if (lease != null) {
                return lease;
            }
            arenaBytes = plan.take(bytes);
            if (arenaBytes == ArenaPlan.NONE) {
                account.onRefused();
                return null;
            }
        }
        Arena arena = open(arenaBytes);
        return arena == null ? null : placeIn(arena, bytes, owner, birth);
    }

    /** Leases a block of the first arena that has one; called with the lock. */
    private @Nullable RegionLease place(long bytes, String owner, @Nullable BirthSite birth) {
        for (int i = 0; i < arenas.size(); i++) {
            Arena arena = arenas.get(i);
            long offset = arena.blocks().allocate(bytes);
            if (offset != BuddyAllocator.NONE) {
                RegionLease lease = new RegionLease(this, arena, offset, bytes, owner, birth);
                account.onLeased(lease);
                return lease;
            }
        }
        return null;
    }

    /** Opens an arena; called without the lock. */
    private @Nullable Arena open(int arenaBytes) {
        try {
            return new Arena(arenaBytes, source);
        } catch (OutOfMemoryError | KvConnectorException cause) {
            onNoMemory(arenaBytes, cause);
            return null;
        }
    }

    private void onNoMemory(int arenaBytes, Throwable cause) {
        boolean first;
        synchronized (lock) {
            plan.giveUpFrom(arenaBytes);
            account.onRefused();
            first = !outOfMemory;
            outOfMemory = true;
        }
        if (first) {
            LOG.warn(
                    "no memory for an arena: bytes={} {}; the pool grows no further; lower its size,"
                            + " or raise -XX:MaxDirectMemorySize or the limit that the cause names",
                    arenaBytes,
                    this,
                    cause);
        }
    }

    private @Nullable RegionLease placeIn(
            Arena arena, long bytes, String owner, @Nullable BirthSite birth) {
        synchronized (lock) {
            if (!closed) {
                arenas.add(arena);
                reservedBytes += arena.blocks().capacity();
                return place(bytes, owner, birth);
            }
        }
        arena.release();
        throw new IllegalStateException("leased from a closed pool: owner=" + owner);
    }

    /** Takes back a lease's block; the lease has seen to it that this happens once. */
    void reclaim(RegionLease lease) {
        Arena arena = lease.arena();
        synchronized (lock) {
            arena.blocks().free(lease.offset());
            account.onReclaimed(lease);
            if (!closed || !arena.blocks().isEmpty()) {
                return;
            }
            forget(arena);
        }
        arena.release();
    }

    private void forget(Arena arena) {
        arenas.remove(arena);
        reservedBytes -= arena.blocks().capacity();
    }

    private void checkOpen() {
        if (closed) {
            throw new IllegalStateException("leased from a closed pool: " + this);
        }
    }

    @Override
    public long leasedBytes() {
        synchronized (lock) {
            return account.leasedBytes();
        }
    }

    @Override
    public int leases() {
        synchronized (lock) {
            return account.leases();
        }
    }

    @Override
    public long reservedBytes() {
        synchronized (lock) {
            return reservedBytes;
        }
    }

    @Override
    public long maxBytes() {
        return config.maxBytes();
    }

    @Override
    public long capacity(long bytes) {
        synchronized (lock) {
            return plan.capacity(bytes);
        }
    }

    /** Counts and sizes of this moment. */
    PoolSnapshot snapshot() {
        synchronized (lock) {
            return account.snapshot(
                    config.maxBytes(), plan.largestBytes(), reservedBytes, arenas.size());
        }
    }

    /** An arena with open leases stays, and goes with the last of them. */
    @Override
    public void close() {
        List<Arena> idle;
        List<RegionLease> open;
        synchronized (lock) {
            if (closed) {
                return;
            }
            closed = true;
            open = account.open();
            idle = new ArrayList<>(arenas);
            idle.removeIf(arena -> !arena.blocks().isEmpty());
            idle.forEach(this::forget);
        }
        RuntimeException failure =
                open.isEmpty() ? null : new IllegalStateException(LeakReport.of(open));
        failure = release(idle, failure);
        if (failure != null) {
            throw failure;
        }
    }

    /** Releases them all, the newest first, whatever is thrown. */
    private static @Nullable RuntimeException release(
            List<Arena> idle, @Nullable RuntimeException before) {
        RuntimeException failure = before;
        Collections.reverse(idle);
        for (Arena arena : idle) {
            try {
                arena.release();
            } catch (RuntimeException cause) {
                if (failure == null) {
                    failure = cause;
                } else {
                    failure.addSuppressed(cause);
                }
            }
        }
        return failure;
    }

    @Override
    public String toString() {
        PoolSnapshot now = snapshot();
        return ("pool[kind=%s leases=%d leased=%d peak=%d highWater=%d reserved=%d max=%d"
                        + " largestLease=%d refusals=%d]")
                .formatted(
                        config.kind(),
                        now.leases(),
                        now.leasedBytes(),
                        now.peakLeasedBytes(),
                        now.peakBlockBytes(),
                        now.reservedBytes(),
                        now.maxBytes(),
                        now.largestLease(),
                        now.refusals());
    }
}
