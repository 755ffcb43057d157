// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda.weights;

import io.kvlink.djl.cuda.blas.ElementType;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * The device side of an upload: one stream on which all is enqueued in order. One thread makes all
 * calls; whoever opened it closes it, after {@link #drain}.
 */
public interface Target extends AutoCloseable {

    /** Page-locked memory of the host, whose bytes any thread may write. */
    interface HostBuffer extends AutoCloseable {

        /** All bytes, with a position of its own. */
        ByteBuffer bytes();

        @Override
        void close();
    }

    /**
     * Change of a tensor's type.
     *
     * @param tensor number by which {@link #overflow} names it, from 0
     */
    record Conversion(ElementType from, ElementType to, int tensor) {}

    /**
     * Value that float16 doesn't hold.
     *
     * @param tensor number of its conversion
     * @param size absolute value, or NaN
     */
    record Overflow(int tensor, float size) {}

    /** A buffer; closed by the caller, before this. */
    HostBuffer newHostBuffer(int bytes);

    /** Enqueues the copy of a buffer's first bytes. */
    void copyIn(long to, HostBuffer from, int bytes);

    /**
     * Enqueues the copy and conversion of a buffer's first bytes.
     *
     * @param bytes whole elements, at most as many as the largest buffer has
     */
    void convertIn(long to, HostBuffer from, int bytes, Conversion conversion);

    /** Enqueues a mark behind all that was enqueued; it replaces the mark of that number. */
    void mark(int number);

    /** Waits until the work before the mark is done. */
    void await(int number);

    /** Waits for all work. */
    void drain();

    /** Largest value of the last tensor that overflowed; null if none did. Waits for all work. */
    @Nullable Overflow overflow();

    @Override
    void close();
}
