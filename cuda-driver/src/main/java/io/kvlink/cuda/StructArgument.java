// SPDX-License-Identifier: Apache-2.0
package io.kvlink.cuda;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.LongBuffer;

/**
 * A kernel's only argument, a struct of {@code long long}s in native memory. A launch takes a copy,
 * so the struct may be filled in anew at once. One thread; whoever made it closes it.
 *
 * <pre>
 *  0                 8
 *  +-----------------+---------------------+
 *  | address of word | words of the struct |
 *  +-----------------+---------------------+
 * </pre>
 */
public final class StructArgument implements AutoCloseable {

    private final Memory memory;
    private final LongBuffer words;

    /**
     * A struct whose words are undefined yet.
     *
     * @param words how many
     */
    public StructArgument(int words) {
        long bytes = Math.multiplyExact((long) words + 1, Long.BYTES);
        memory = new Memory(bytes);
        ByteBuffer all = memory.getByteBuffer(0, bytes).order(ByteOrder.nativeOrder());
        all.putLong(0, address() + Long.BYTES);
        this.words = all.position(Long.BYTES).slice().order(ByteOrder.nativeOrder()).asLongBuffer();
    }

    /** The struct's words; of use until this is closed. */
    public LongBuffer words() {
        return words;
    }

    /** Address of the array of one address that {@code cuLaunchKernel} reads. */
    long address() {
        return Pointer.nativeValue(memory);
    }

    /** Gives the memory back; what is enqueued runs all the same. */
    @Override
    public void close() {
        memory.close();
    }
}
