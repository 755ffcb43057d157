// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda.kv;

import io.kvlink.cuda.Gpu;
import io.kvlink.cuda.PinnedMemory;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * Writes few numbers to the device in the order of a stream. They are put into page-locked memory
 * of some segments, one behind the other; a segment is used again when its copies are done. So a
 * write waits only if many are on their way. One thread.
 */
public final class TableWriter implements AutoCloseable {
    private static final int SEGMENTS = 4;
    private static final int SEGMENT_INTS = 1 << 16;

    private final Gpu device;
    private final long stream;
    private final List<Segment> segments = new ArrayList<>();
    private int current;
    private int used;

    public TableWriter(Gpu device, long stream) {
        this.device = device;
        this.stream = stream;
        try {
            for (int i = 0; i < SEGMENTS; i++) {
                segments.add(new Segment(device));
            }
        } catch (RuntimeException | Error cause) {
            close();
            throw cause;
        }
    }

    /** Writes numbers from an address on, however many. */
    public void write(long address, int[] numbers) {
        for (int from = 0; from < numbers.length; ) {
            if (used == SEGMENT_INTS) {
                nextSegment();
            }
            int count = Math.min(SEGMENT_INTS - used, numbers.length - from);
            Segment segment = segments.get(current);
            segment.put(used, numbers, from, count);
            device.copyIn(
                    address + (long) from * Integer.BYTES,
                    segment.memory.address() + (long) used * Integer.BYTES,
                    (long) count * Integer.BYTES,
                    stream);
            used += count;
            from += count;
        }
    }

    private void nextSegment() {
        device.record(segments.get(current).copied, stream);
        current = (current + 1) % SEGMENTS;
        device.synchronize(segments.get(current).copied);
        used = 0;
    }

    @Override
    public void close() {
        segments.forEach(segment -> segment.close(device));
        segments.clear();
    }

    /** Page-locked numbers, and the event behind their copies. */
    private static final class Segment {
        private final PinnedMemory memory;
        private final long copied;

        private Segment(Gpu device) {
            memory = device.allocatePinned((long) SEGMENT_INTS * Integer.BYTES);
            try {
                copied = device.newEvent();
            } catch (RuntimeException | Error cause) {
                memory.close();
                throw cause;
            }
        }

        private void put(int at, int[] numbers, int from, int count) {
            memory.buffer()
                    .duplicate()
                    .order(ByteOrder.nativeOrder())
                    .asIntBuffer()
                    .position(at)
                    .put(numbers, from, count);
        }

        private void close(Gpu device) {
            try {
                device.destroyEvent(copied);
            } finally {
                memory.close();
            }
        }
    }
}
