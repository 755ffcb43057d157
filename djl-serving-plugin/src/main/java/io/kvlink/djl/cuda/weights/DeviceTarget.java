// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda.weights;

import io.kvlink.cuda.CudaModule;
import io.kvlink.cuda.Gpu;
import io.kvlink.cuda.Launch;
import io.kvlink.cuda.PinnedMemory;
import io.kvlink.djl.cuda.blas.ElementType;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** A GPU as the target of an upload, with a stream of its own. */
final class DeviceTarget implements Target {

    private static final String KERNELS = "/io/kvlink/djl/cuda/convert.ptx";
    private static final int BLOCK_THREADS = 256;
    private static final int BLOCKS_PER_MULTIPROCESSOR = 8;

    private record Pinned(PinnedMemory memory) implements HostBuffer {
        @Override
        public ByteBuffer bytes() {
            return memory.buffer();
        }

        @Override
        public void close() {
            memory.close();
        }
    }

    private final Gpu device;
    private final Launch launch;
    private final Deque<Runnable> undo = new ArrayDeque<>();
    private final CudaModule kernels;
    private final long stream;
    private final long[] events;
    private final long staging;
    private final long overflow;

    /**
     * Takes what an upload needs of the device.
     *
     * @param device open, attached to the calling thread, and open longer than this
     * @param marks numbers of marks, from 0
     * @param pieceBytes of the largest buffer
     */
    DeviceTarget(Gpu device, int marks, int pieceBytes) {
        this.device = device;
        launch = new Launch(device);
        events = new long[marks];
        try {
            kernels = device.load(ptx());
            undo.push(kernels::close);
            stream = device.newStream();
            undo.push(() -> device.destroyStream(stream));
            staging = allocate(pieceBytes);
            overflow = allocate(Long.BYTES);
            device.fill(overflow, 0, 2, stream);
            for (int i = 0; i < marks; i++) {
                long event = device.newEvent();
                events[i] = event;
                undo.push(() -> device.destroyEvent(event));
            }
        } catch (RuntimeException refused) {
            close();
            throw refused;
        }
    }

    @Override
    public HostBuffer newHostBuffer(int bytes) {
        return new Pinned(device.allocatePinned(bytes));
    }

    @Override
    public void copyIn(long to, HostBuffer from, int bytes) {
        device.copyIn(to, address(from), bytes, stream);
    }

    @Override
    public void convertIn(long to, HostBuffer from, int bytes, Conversion conversion) {
        device.copyIn(staging, address(from), bytes, stream);
        long count = bytes / conversion.from().bytes();
        long blocks = (count + BLOCK_THREADS - 1) / BLOCK_THREADS;
        int most = device.multiprocessors() * BLOCKS_PER_MULTIPROCESSOR;
        launch.grid((int) Math.min(blocks, most), 1, 1)
                .block(BLOCK_THREADS)
                .pointer(staging)
                .pointer(to)
                .value(count)
                .value(conversion.tensor())
                .pointer(overflow)
                .run(kernels.function(kernel(conversion)), stream);
    }

    @Override
    public void mark(int number) {
        device.record(events[number], stream);
    }

    @Override
    public void await(int number) {
        device.synchronize(events[number]);
    }

    @Override
    public void drain() {
        device.synchronizeStream(stream);
    }

    @Override
    public @Nullable Overflow overflow() {
        try (PinnedMemory word = device.allocatePinned(Long.BYTES)) {
            device.copyOut(word.address(), overflow, Long.BYTES, stream);
            drain();
            return decoded(word.buffer().getLong(0));
        }
    }

    /** The kernels' report; null for none. */
    static @Nullable Overflow decoded(long word) {
        return word == 0
                ? null
                : new Overflow((int) (word >>> Integer.SIZE), Float.intBitsToFloat((int) word));
    }

    /** Gives all back; what can't be given back is in the exception. */
    @Override
    public void close() {
        RuntimeException first = null;
        while (!undo.isEmpty()) {
            try {
                undo.pop().run();
            } catch (RuntimeException refused) {
                if (first == null) {
                    first = refused;
                } else {
                    first.addSuppressed(refused);
                }
            }
        }
        if (first != null) {
            throw first;
        }
    }

    private long allocate(long bytes) {
        long address = device.allocate(bytes);
        undo.push(() -> device.free(address));
        return address;
    }

    private static long address(HostBuffer buffer) {
        return ((Pinned) buffer).memory().address();
    }

    private static String kernel(Conversion conversion) {
        return "convert_%s_%s".formatted(key(conversion.from()), key(conversion.to()));
    }

    private static String key(ElementType type) {
        return type.name().toLowerCase(Locale.ROOT);
    }

    private static byte[] ptx() {
        try (InputStream in = DeviceTarget.class.getResourceAsStream(KERNELS)) {
            if (in == null) {
                throw new IllegalStateException("resource=" + KERNELS + " missing");
            }
            return in.readAllBytes();
        } catch (IOException cause) {
            throw new UncheckedIOException("resource=" + KERNELS, cause);
        }
    }
}
