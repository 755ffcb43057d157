// SPDX-License-Identifier: Apache-2.0
package io.kvlink.pool;

/**
 * A pool's numbers at one moment.
 *
 * @param maxBytes the limit
 * @param largestLease no lease can be larger, ever
 * @param reservedBytes taken from the system
 * @param arenas how many pieces those are
 * @param leases open leases
 * @param leasedBytes under lease, as asked for
 * @param blockBytes under lease, rounded up to blocks
 * @param peakLeasedBytes the most that {@code leasedBytes} has been
 * @param peakBlockBytes the most that {@code blockBytes} has been: the high-water mark
 * @param refusals how many leases there was no room for
 */
record PoolSnapshot(
        long maxBytes,
        long largestLease,
        long reservedBytes,
        int arenas,
        int leases,
        long leasedBytes,
        long blockBytes,
        long peakLeasedBytes,
        long peakBlockBytes,
        long refusals) {}
