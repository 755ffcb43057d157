// SPDX-License-Identifier: Apache-2.0
package io.kvlink.pool;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The open leases of a pool, with their sums and peaks. The pool's lock guards it. */
final class PoolAccount {

    private @Nullable RegionLease newest;
    private int leases;
    private long leasedBytes;
    private long blockBytes;
    private long peakLeasedBytes;
    private long peakBlockBytes;
    private long refusals;

    void onLeased(RegionLease lease) {
        lease.next = newest;
        if (newest != null) {
            newest.previous = lease;
        }
        newest = lease;
        leases++;
        leasedBytes += lease.bytes();
        blockBytes += BuddyAllocator.blockBytes(lease.bytes());
        peakLeasedBytes = Math.max(peakLeasedBytes, leasedBytes);
        peakBlockBytes = Math.max(peakBlockBytes, blockBytes);
    }

    void onReclaimed(RegionLease lease) {
        RegionLease previous = lease.previous;
        RegionLease next = lease.next;
        if (previous == null) {
            newest = next;
        } else {
            previous.next = next;
        }
        if (next != null) {
            next.previous = previous;
        }
        lease.previous = null;
        lease.next = null;
        leases--;
        leasedBytes -= lease.bytes();
        blockBytes -= BuddyAllocator.blockBytes(lease.bytes());
    }

    void onRefused() {
        refusals++;
    }

    int leases() {
        return leases;
    }

    long leasedBytes() {
        return leasedBytes;
    }

    /** The open leases, the oldest first. */
    List<RegionLease> open() {
        List<RegionLease> open = new ArrayList<>(leases);
        for (RegionLease lease = newest; lease != null; lease = lease.next) {
            open.add(lease);
        }
        Collections.reverse(open);
        return open;
    }

    PoolSnapshot snapshot(long maxBytes, long largestLease, long reservedBytes, int arenas) {
        return new PoolSnapshot(
                maxBytes,
                largestLease,
                reservedBytes,
                arenas,
                leases,
                leasedBytes,
                blockBytes,
                peakLeasedBytes,
                peakBlockBytes,
                refusals);
    }
}
