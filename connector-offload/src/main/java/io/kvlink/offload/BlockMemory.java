// SPDX-License-Identifier: Apache-2.0
package io.kvlink.offload;

import io.kvlink.spi.HostLease;
import io.kvlink.spi.HostPool;
import io.kvlink.spi.MemoryRegion;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Host memory for blocks of one size, cut from large leases of a pool. A pool takes its time to
 * clear and lock pages, so a thread of its own leases all but the first of it. Any thread.
 */
final class BlockMemory implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(BlockMemory.class);
    private static final String OWNER = "offload";
    // Leased before the first request; a pool's first arena has as much.
    private static final long FIRST_BYTES = 64 << 20;
    private static final long MOST_LEASE_BYTES = 1 << 30;
    // A lease of so many blocks or more leaves at most a sixteenth of itself unused.
    private static final int BLOCKS_IN_A_LEASE = 16;
    private static final Duration CLOSE_LIMIT = Duration.ofSeconds(10);

    private final HostPool pool;
    private final long blockBytes;
    private final Object lock = new Object();
    private final Deque<MemoryRegion> free = new ArrayDeque<>();
    private final List<HostLease> leases = new ArrayList<>();
    private final Thread thread = new Thread(this::leaseTheRest, "kv-offload-memory");
    private long bytes;
    private boolean complete;
    private boolean stopped;
    // The thread's, once it runs.
    private long leaseBytes;

    /**
     * Memory of a pool.
     *
     * @param pool taken: closed by this
     * @param blockBytes size of a block; the pool has room for one
     */
    BlockMemory(HostPool pool, long blockBytes) {
        this.pool = pool;
        this.blockBytes = blockBytes;
        long wanted = Math.min(blockBytes * BLOCKS_IN_A_LEASE, MOST_LEASE_BYTES);
        this.leaseBytes = Math.max(Long.highestOneBit(wanted), blockBytes);
        thread.setDaemon(true);
        boolean more = true;
        while (more && bytes < FIRST_BYTES) {
            more = leaseMore();
        }
        if (more) {
            thread.start();
        }
    }

    private void leaseTheRest() {
        boolean more = true;
        while (more) {
            more = leaseMore();
        }
    }

    /** Leases once more, as much as there is at once; false if there is no more, or it is over. */
    private boolean leaseMore() {
        HostLease lease = largest();
        synchronized (lock) {
            if (lease == null || stopped) {
                complete = true;
                if (lease != null) {
                    lease.close();
                }
                return false;
            }
            leases.add(lease);
            long size = lease.region().bytes();
            for (long at = 0; at + blockBytes <= size; at += blockBytes) {
                free.addLast(lease.region().slice(at, blockBytes));
                bytes += blockBytes;
            }
            return true;
        }
    }

    private @Nullable HostLease largest() {
        HostLease lease = pool.tryLease(leaseBytes, OWNER);
        while (lease == null && leaseBytes > blockBytes) {
            leaseBytes = Math.max(leaseBytes / 2, blockBytes);
            lease = pool.tryLease(leaseBytes, OWNER);
        }
        return lease;
    }

    /** Takes memory for a block; null if none is free. */
    @Nullable MemoryRegion poll() {
        synchronized (lock) {
            return free.pollFirst();
        }
    }

    /** Gives a block's memory back. */
    void give(MemoryRegion block) {
        synchronized (lock) {
            free.addFirst(block);
        }
    }

    /** True if no more memory will come than has come. */
    boolean complete() {
        synchronized (lock) {
            return complete;
        }
    }

    /** Bytes of all blocks that there is memory for so far. */
    long bytes() {
        synchronized (lock) {
            return bytes;
        }
    }

    /** Gives all memory back; nobody uses it any more. */
    @Override
    public void close() {
        synchronized (lock) {
            stopped = true;
        }
        if (!joined()) {
            log.warn("thread={} still waits for memory; bytes={} stay", thread.getName(), bytes());
            return;
        }
        synchronized (lock) {
            leases.forEach(HostLease::close);
            leases.clear();
            free.clear();
            bytes = 0;
        }
        pool.close();
    }

    private boolean joined() {
        try {
            thread.join(CLOSE_LIMIT.toMillis());
        } catch (InterruptedException cause) {
            Thread.currentThread().interrupt();
        }
        return !thread.isAlive();
    }
}
