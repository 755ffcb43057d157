// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

import io.kvlink.cuda.Gpu;
import io.kvlink.cuda.PinnedMemory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Page-locked memory of the steps that are under way: each has its input and its output until the
 * device has done it. As many steps are enqueued ahead as there are entries. The decoder's thread.
 */
final class StepRing implements AutoCloseable {
    private final Gpu device;
    private final List<Entry> entries = new ArrayList<>();
    private int next;

    StepRing(Gpu device, int count, int inputBytes, int outputBytes) {
        this.device = device;
        try {
            for (int i = 0; i < count; i++) {
                entries.add(new Entry(inputBytes, outputBytes));
            }
        } catch (RuntimeException | Error cause) {
            close();
            throw cause;
        }
    }

    /** A step's calls, from its input to its picks. */
    interface Calls {
        CudaPicks enqueue(Entry entry);
    }

    /**
     * Enqueues a step with the entry whose own step was enqueued longest ago. If the calls throw,
     * the entry is used again only when the device has done what they enqueued.
     */
    CudaPicks enqueue(long stream, Calls calls) {
        Entry entry = take();
        CudaPicks picks = null;
        try {
            picks = calls.enqueue(entry);
            return picks;
        } finally {
            entry.enqueued(stream, picks == null ? () -> {} : picks::read);
        }
    }

    /** The entry whose step was enqueued longest ago, once that step is done. */
    private Entry take() {
        Entry taken = entries.get(next);
        next = (next + 1) % entries.size();
        taken.recycle();
        return taken;
    }

    @Override
    public void close() {
        entries.forEach(Entry::close);
        entries.clear();
    }

    /** One step's memory. */
    final class Entry {
        private final PinnedMemory input;
        private final PinnedMemory output;
        private final long done;
        private @Nullable Runnable reader;

        private Entry(int inputBytes, int outputBytes) {
            this.done = device.newEvent();
            PinnedMemory allocated = null;
            try {
                allocated = device.allocatePinned(inputBytes);
                this.output = device.allocatePinned(outputBytes);
                this.input = allocated;
            } catch (RuntimeException | Error cause) {
                if (allocated != null) {
                    allocated.close();
                }
                device.destroyEvent(done);
                throw cause;
            }
        }

        ByteBuffer input() {
            return input.buffer().duplicate().order(ByteOrder.nativeOrder());
        }

        long inputAddress() {
            return input.address();
        }

        ByteBuffer output() {
            return output.buffer().duplicate().order(ByteOrder.nativeOrder());
        }

        long outputAddress() {
            return output.address();
        }

        /**
         * The step is enqueued as a whole.
         *
         * @param reads called when the step is done and its output is about to be overwritten
         */
        private void enqueued(long stream, Runnable reads) {
            device.record(done, stream);
            reader = reads;
        }

        /** Waits until the device has done the step. */
        void await() {
            device.synchronize(done);
        }

        private void recycle() {
            await();
            Runnable reads = reader;
            reader = null;
            if (reads != null) {
                reads.run();
            }
        }

        private void close() {
            try {
                device.destroyEvent(done);
            } finally {
                input.close();
                output.close();
            }
        }
    }
}
