// SPDX-License-Identifier: Apache-2.0
package io.kvlink.cuda;

import com.sun.jna.Pointer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Page-locked memory of the host, which the device copies at full speed. Whoever allocated it
 * closes it, on a thread that is attached to the device, when no copy uses it any more. Its bytes
 * may be used by any thread until then.
 */
public final class PinnedMemory implements AutoCloseable {

    private final long address;
    private final ByteBuffer bytes;
    private boolean closed;

    PinnedMemory(long address, int bytes) {
        this.address = address;
        this.bytes = new Pointer(address).getByteBuffer(0, bytes);
    }

    /** Address of the first byte, for the host and for the device. */
    public long address() {
        return address;
    }

    /** A view of all bytes in the machine's order, with a position of its own. */
    public ByteBuffer buffer() {
        return bytes.duplicate().order(ByteOrder.nativeOrder());
    }

    /**
     * Gives the memory back; closing again does nothing.
     *
     * @throws CudaException if the driver refuses
     */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            CudaException.check(DriverCalls.cuMemFreeHost(address), "cuMemFreeHost");
        }
    }
}
