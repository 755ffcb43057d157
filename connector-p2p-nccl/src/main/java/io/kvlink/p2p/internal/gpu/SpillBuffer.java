// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.gpu;

import io.kvlink.p2p.internal.cuda.CudaDevice;
import io.kvlink.p2p.internal.cuda.CudaEvent;
import io.kvlink.p2p.internal.cuda.CudaStream;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * A few slots of device memory through which bytes reach pinned host memory: while one slot drains
 * the next ones fill, so the copy to the host costs time only where the host is slower than the
 * wire. Takes its memory with the first slot. Device thread.
 */
final class SpillBuffer implements AutoCloseable {

    /** Hears of a slot that has drained, and is free again. */
    interface Listener {
        void onDrained(long part);
    }

    private record Draining(CudaEvent event, int slot, long part) {}

    private final CudaDevice device;
    private final PullSizes sizes;
    private final ArrayDeque<Integer> free = new ArrayDeque<>();
    private final ArrayDeque<CudaEvent> events = new ArrayDeque<>();
    private final ArrayDeque<Draining> draining = new ArrayDeque<>();
    private long address;
    private @Nullable CudaStream stream;

    SpillBuffer(CudaDevice device, PullSizes sizes) {
        this.device = device;
        this.sizes = sizes;
    }

    /** Whether so many slots are free. */
    boolean hasFree(int slots) {
        open();
        return free.size() >= slots;
    }

    /** Whether a slot is being emptied. */
    boolean draining(int slot) {
        return draining.stream().anyMatch(each -> each.slot() == slot);
    }

    /** A free slot. */
    int take() {
        open();
        return free.remove();
    }

    private void open() {
        if (stream == null) {
            stream = device.newStream();
            address = device.allocate(bytes());
            for (int slot = 0; slot < sizes.slots(); slot++) {
                free.add(slot);
            }
        }
    }

    /** A slot whose bytes never came is free. */
    void giveBack(int slot) {
        free.add(slot);
    }

    /** Where the slots begin; 0 before the first was taken. */
    long address() {
        return address;
    }

    /** Bytes of all slots. */
    long bytes() {
        return sizes.slots() * sizes.slotBytes();
    }

    /** First byte of a slot, from {@link #address}. */
    long offset(int slot) {
        return slot * sizes.slotBytes();
    }

    /**
     * Begins to empty a slot.
     *
     * @param slot which
     * @param destination address of pinned host memory
     * @param bytes how many
     * @param part told to the listener when it is done
     */
    void drain(int slot, long destination, long bytes, long part) {
        CudaStream open = stream;
        if (open == null) {
            throw new IllegalStateException("slot=" + slot + " was never taken");
        }
        CudaEvent event = events.isEmpty() ? device.newEvent() : events.remove();
        device.copy(address + offset(slot), destination, bytes, open);
        device.record(event, open);
        draining.add(new Draining(event, slot, part));
    }

    boolean busy() {
        return !draining.isEmpty();
    }

    /** Frees what has drained. */
    int poll(Listener listener) {
        int workCount = 0;
        for (Draining head;
                (head = draining.peek()) != null && device.complete(head.event());
                workCount++) {
            draining.remove();
            events.add(head.event());
            free.add(head.slot());
            listener.onDrained(head.part());
        }
        return workCount;
    }

    /** Waits for copies that are under way, which the device ends by itself, and frees all. */
    @Override
    public void close() {
        for (Draining each : draining) {
            device.synchronize(each.event());
            events.add(each.event());
        }
        draining.clear();
        events.forEach(CudaEvent::close);
        events.clear();
        if (stream != null) {
            stream.close();
            stream = null;
            device.free(address);
        }
    }
}
