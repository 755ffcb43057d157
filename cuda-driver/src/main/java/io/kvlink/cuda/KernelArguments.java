// SPDX-License-Identifier: Apache-2.0
package io.kvlink.cuda;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A kernel's arguments in native memory, as {@code cuLaunchKernel} reads them: an array of
 * addresses, each that of a value. One thread.
 *
 * <pre>
 *  0                  8 * MOST                  16 * MOST
 *  +------------------+-------------------------+
 *  | address of value | value, eight bytes each |
 *  +------------------+-------------------------+
 * </pre>
 */
final class KernelArguments {

    /** Most arguments of one launch. */
    static final int MOST = 64;

    private static final int VALUES = MOST * Long.BYTES;

    private final Memory memory = new Memory(2L * VALUES);
    private final ByteBuffer bytes =
            memory.getByteBuffer(0, 2L * VALUES).order(ByteOrder.nativeOrder());
    private int count;

    KernelArguments() {
        long values = address() + VALUES;
        for (int i = 0; i < MOST; i++) {
            bytes.putLong(i * Long.BYTES, values + (long) i * Long.BYTES);
        }
    }

    void add(long value) {
        bytes.putLong(next(), value);
    }

    void add(int value) {
        bytes.putInt(next(), value);
    }

    void add(float value) {
        bytes.putFloat(next(), value);
    }

    /** Address of the array of addresses; valid as long as this is reachable. */
    long address() {
        return Pointer.nativeValue(memory);
    }

    int count() {
        return count;
    }

    void clear() {
        count = 0;
    }

    private int next() {
        if (count == MOST) {
            throw new IllegalStateException("arguments=%d allowed=%d".formatted(count + 1, MOST));
        }
        return VALUES + count++ * Long.BYTES;
    }
}
