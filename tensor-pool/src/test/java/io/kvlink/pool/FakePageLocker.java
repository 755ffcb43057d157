// SPDX-License-Identifier: Apache-2.0
package io.kvlink.pool;

import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.PageLocker;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;

/** Counts instead of locking; from {@code refuseFrom} locks on, refuses. */
final class FakePageLocker implements PageLocker {

    private final int refuseFrom;
    private final Map<Long, Integer> locked = new LinkedHashMap<>();
    private int locks;
    private int calls;
    private long nextAddress = 0x1000;

    FakePageLocker(int refuseFrom) {
        this.refuseFrom = refuseFrom;
    }

    @Override
    public synchronized long lock(ByteBuffer memory) {
        calls++;
        if (locks == refuseFrom) {
            throw new KvConnectorException(KvError.NATIVE_CALL_FAILED, "cudaHostRegister status=2");
        }
        locks++;
        long address = nextAddress;
        nextAddress += 2L * memory.remaining();
        locked.put(address, memory.remaining());
        return address;
    }

    @Override
    public synchronized void unlock(long address) {
        if (locked.remove(address) == null) {
            throw new IllegalStateException("not locked: address=" + address);
        }
    }

    synchronized int locks() {
        return locks;
    }

    synchronized int calls() {
        return calls;
    }

    synchronized Map<Long, Integer> locked() {
        return Map.copyOf(locked);
    }
}
