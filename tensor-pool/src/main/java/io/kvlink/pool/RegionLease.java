// SPDX-License-Identifier: Apache-2.0
package io.kvlink.pool;

import io.kvlink.spi.HostLease;
import io.kvlink.spi.MemoryRegion;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** A lease of a {@link BuddyHostPool}. Thread-safe. */
final class RegionLease implements HostLease {

    private static final int RELEASED = -1;

    private final BuddyHostPool pool;
    private final Arena arena;
    private final long offset;
    private final long bytes;
    private final String owner;
    private final @Nullable BirthSite birth;
    private final MemoryRegion region;
    // Number of operations in flight, or RELEASED.
    private final AtomicInteger pins = new AtomicInteger();

    // Neighbours in the pool's list of open leases; the pool's lock guards them.
    @Nullable RegionLease previous;
    @Nullable RegionLease next;

    RegionLease(
            BuddyHostPool pool,
            Arena arena,
            long offset,
            long bytes,
            String owner,
            @Nullable BirthSite birth) {
        this.pool = pool;
        this.arena = arena;
        this.offset = offset;
        this.bytes = bytes;
        this.owner = owner;
        this.birth = birth;
        this.region = arena.region(offset, bytes);
    }

    @Override
    public MemoryRegion region() {
        if (pins.get() == RELEASED) {
            throw new IllegalStateException("used after release: " + this);
        }
        return region;
    }

    @Override
    public void pin() {
        int seen = pins.get();
        while (seen != RELEASED) {
            int witness = pins.compareAndExchange(seen, seen + 1);
            if (witness == seen) {
                return;
            }
            seen = witness;
        }
        throw new IllegalStateException("pinned after release: " + this);
    }

    @Override
    public void unpin() {
        int seen = pins.get();
        while (seen > 0) {
            int witness = pins.compareAndExchange(seen, seen - 1);
            if (witness == seen) {
                return;
            }
            seen = witness;
        }
        throw new IllegalStateException("unpinned without a pin: " + this);
    }

    @Override
    public void close() {
        int seen = pins.compareAndExchange(0, RELEASED);
        if (seen == RELEASED) {
            throw new IllegalStateException("released twice: " + this);
        }
        if (seen > 0) {
            throw new IllegalStateException(
                    "released with " + seen + " operations in flight: " + this);
        }
        pool.reclaim(this);
    }

    Arena arena() {
        return arena;
    }

    long offset() {
        return offset;
    }

    long bytes() {
        return bytes;
    }

    String owner() {
        return owner;
    }

    @Nullable BirthSite birth() {
        return birth;
    }

    @Override
    public String toString() {
        return "lease[owner=%s bytes=%d offset=%d]".formatted(owner, bytes, offset);
    }
}
