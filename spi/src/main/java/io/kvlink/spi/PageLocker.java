// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.nio.ByteBuffer;

/** Locks host memory for a device's copy engine. Thread-safe. */
public interface PageLocker {

    /**
     * Locks a direct buffer's memory, which its owner keeps alive until {@link #unlock}.
     *
     * @param memory a direct buffer, locked from its position to its limit
     * @return the address of the first byte
     * @throws KvConnectorException with {@link KvError#NATIVE_CALL_FAILED}; nothing is locked then
     */
    long lock(ByteBuffer memory);

    /**
     * Unlocks what {@link #lock} locked.
     *
     * @param address what {@link #lock} returned
     */
    void unlock(long address);
}
