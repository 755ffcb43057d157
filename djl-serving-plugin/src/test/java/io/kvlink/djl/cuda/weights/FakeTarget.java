// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda.weights;

import io.kvlink.djl.cuda.blas.ElementType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A device of bytes. It keeps its stream's order, and does nothing until somebody waits: a buffer
 * that changes too early arrives changed.
 */
final class FakeTarget implements Target {

    /** Address of the first byte. */
    static final long BASE = 0x7f00_0000_0000L;

    private final class Buffer implements HostBuffer {
        private final ByteBuffer bytes;
        private boolean open = true;

        private Buffer(int size) {
            bytes = ByteBuffer.allocateDirect(size);
            openBuffers++;
        }

        @Override
        public ByteBuffer bytes() {
            return bytes.duplicate().order(ByteOrder.nativeOrder());
        }

        @Override
        public void close() {
            if (!open) {
                throw new IllegalStateException("buffer closed twice");
            }
            if (!queue.isEmpty()) {
                throw new IllegalStateException("buffer closed before its copies");
            }
            open = false;
            openBuffers--;
        }
    }

    private final byte[] memory;
    private final int mostBuffers;
    private final Deque<Runnable> queue = new ArrayDeque<>();
    private final Map<Integer, Long> marks = new HashMap<>();
    private long enqueued;
    private long done;
    private @Nullable Overflow overflow;
    private boolean closed;
    private int openBuffers;

    FakeTarget(int bytes, int mostBuffers) {
        memory = new byte[bytes];
        this.mostBuffers = mostBuffers;
    }

    byte[] memory() {
        return memory;
    }

    int openBuffers() {
        return openBuffers;
    }

    boolean closed() {
        return closed;
    }

    @Override
    public HostBuffer newHostBuffer(int bytes) {
        if (openBuffers == mostBuffers) {
            throw new IllegalStateException("no more locked memory");
        }
        return new Buffer(bytes);
    }

    @Override
    public void copyIn(long to, HostBuffer from, int bytes) {
        enqueue(() -> from.bytes().get(0, memory, (int) (to - BASE), bytes));
    }

    /**
     * Converts from float32 to float16 only, of values that bfloat16 holds; that is enough here.
     */
    @Override
    public void convertIn(long to, HostBuffer from, int bytes, Conversion conversion) {
        enqueue(
                () -> {
                    ByteBuffer out = ByteBuffer.wrap(memory).order(ByteOrder.nativeOrder());
                    for (int at = 0; at < bytes; at += Float.BYTES) {
                        float value = from.bytes().getFloat(at);
                        if (conversion.to() == ElementType.F16 && Math.abs(value) > 65504) {
                            overflow = new Overflow(conversion.tensor(), Math.abs(value));
                        }
                        out.putShort(
                                (int) (to - BASE) + at / 2,
                                (short) (Float.floatToRawIntBits(value) >> 16));
                    }
                });
    }

    @Override
    public void mark(int number) {
        marks.put(number, enqueued);
    }

    @Override
    public void await(int number) {
        runUpTo(marks.get(number));
    }

    @Override
    public void drain() {
        runUpTo(enqueued);
    }

    @Override
    public @Nullable Overflow overflow() {
        drain();
        return overflow;
    }

    @Override
    public void close() {
        closed = true;
    }

    private void enqueue(Runnable work) {
        queue.add(work);
        enqueued++;
    }

    private void runUpTo(long count) {
        while (done < count) {
            queue.remove().run();
            done++;
        }
    }
}
