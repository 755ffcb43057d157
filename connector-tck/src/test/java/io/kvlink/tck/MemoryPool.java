// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import io.kvlink.spi.HostLease;
import io.kvlink.spi.HostPool;
import io.kvlink.spi.HostPoolConfig;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.MemoryKind;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** Host pool of a memory connector, and what it keeps there of transfers. One thread. */
final class MemoryPool {

    private static final long BYTES = 1 << 24;

    private final Fault fault;
    private final Optional<HostPool> pool;
    private final Map<MemoryTransfer, HostLease> leases = new HashMap<>();

    MemoryPool(Fault fault, KvConnectorContext context) {
        this.fault = fault;
        this.pool =
                context.hostPools()
                        .filter(any -> context.device().isEmpty())
                        .map(pools -> pools.create(HostPoolConfig.of(BYTES, MemoryKind.DIRECT)));
    }

    int leases() {
        return leases.size();
    }

    /** Moves a transfer's bytes to the pool; false if there is no room, or no pool. */
    boolean keeps(MemoryTransfer transfer, byte[][][] bytes, long size) {
        HostLease lease = pool.map(any -> any.tryLease(size, "" + transfer.id)).orElse(null);
        if (lease == null) {
            return false;
        }
        ByteBuffer memory = lease.region().buffer();
        int at = 0;
        for (byte[][] layer : bytes) {
            for (byte[] token : layer) {
                memory.put(at, token);
                at += token.length;
            }
        }
        leases.put(transfer, lease);
        if (fault == Fault.READS_LEASES_LATE) {
            lease.close();
        }
        return true;
    }

    /** Brings a transfer's bytes back, as far as they are here. */
    void restore(MemoryTransfer transfer, byte[][][] bytes) {
        HostLease lease = leases.get(transfer);
        int at = 0;
        for (byte[][] layer : lease == null ? new byte[0][][] : bytes) {
            for (byte[] token : layer) {
                lease.region().buffer().get(at, token);
                at += token.length;
            }
        }
    }

    void release(MemoryTransfer transfer) {
        HostLease lease = leases.remove(transfer);
        if (lease != null
                && fault != Fault.KEEPS_LEASES_OF_THE_POOL
                && fault != Fault.READS_LEASES_LATE) {
            lease.close();
        }
    }

    void close() {
        if (fault != Fault.KEEPS_THE_POOL_OPEN && fault != Fault.KEEPS_LEASES_OF_THE_POOL) {
            pool.ifPresent(HostPool::close);
        }
    }
}
