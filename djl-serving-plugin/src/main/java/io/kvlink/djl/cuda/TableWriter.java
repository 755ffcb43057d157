// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import io.kvlink.djl.cuda.driver.CudaDevice;

/**
 * Writes few numbers to the device in the order of a stream. The memory that it copies from isn't
 * locked: the driver has its own copy of it when a call returns, so it may be used again at once.
 * One thread.
 */
final class TableWriter implements AutoCloseable {
    private final CudaDevice device;
    private final long stream;
    private final Memory memory;
    private final int most;

    TableWriter(CudaDevice device, long stream, int most) {
        this.device = device;
        this.stream = stream;
        this.most = most;
        this.memory = new Memory((long) most * Integer.BYTES);
    }

    /** Writes numbers from an address on, however many. */
    void write(long address, int[] numbers) {
        for (int from = 0; from < numbers.length; from += most) {
            int count = Math.min(most, numbers.length - from);
            memory.write(0, numbers, from, count);
            device.copyIn(
                    address + (long) from * Integer.BYTES,
                    Pointer.nativeValue(memory),
                    (long) count * Integer.BYTES,
                    stream);
        }
    }

    @Override
    public void close() {
        memory.close();
    }
}
