// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import io.kvlink.p2p.internal.cuda.CudaDevice;
import io.kvlink.p2p.internal.cuda.CudaEvent;
import io.kvlink.p2p.internal.cuda.CudaStream;
import io.kvlink.spi.KvConnectorException;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * A few slots of device memory through which bytes reach pinned host memory. While one slot drains
 * the next ones fill, so the copy to the host costs time only where the host is slower than the
 * wire. Takes its memory with the first slot. Device thread.
 */
public final class SpillBuffer implements AutoCloseable {

    /** Hears of a slot that has drained, or can't, and is free again. */
    interface Listener {
        void onDrained(long part, @Nullable String failure);
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

    /** True if so many slots are free. Throws what taking the memory throws. */
    boolean hasFree(int slots) {
        open();
        return free.size() >= slots;
    }

    /** True if a slot is being emptied. */
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
            address = device.allocate(bytes());
            try {
                stream = device.newStream();
            } catch (KvConnectorException cause) {
                device.free(address);
                address = 0;
                throw cause;
            }
            for (int slot = 0; slot < sizes.slots(); slot++) {
                free.add(slot);
            }
        }
    }

    /** A slot whose bytes never came is free. */
    void giveBack(int slot) {
        free.add(slot);
    }

    /** Address at which the slots begin; 0 before the first was taken. */
    public long address() {
        return address;
    }

    /** Bytes of all slots. */
    public long bytes() {
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
     * @throws KvConnectorException if it hasn't begun
     */
    void drain(int slot, long destination, long bytes, long part) {
        CudaStream open = stream;
        if (open == null) {
            throw new IllegalStateException("slot=" + slot + " was never taken");
        }
        CudaEvent event = events.isEmpty() ? device.newEvent() : events.remove();
        try {
            device.copy(address + offset(slot), destination, bytes, open);
            record(event, open);
        } catch (KvConnectorException cause) {
            events.add(event);
            throw cause;
        }
        draining.add(new Draining(event, slot, part));
    }

    // The copy is under way and must not be forgotten. Where this fails twice, the context is lost
    // and runs nothing.
    private void record(CudaEvent event, CudaStream open) {
        try {
            device.record(event, open);
        } catch (KvConnectorException once) {
            device.record(event, open);
        }
    }

    boolean busy() {
        return !draining.isEmpty();
    }

    /** Frees what has drained. */
    int poll(Listener listener) {
        int workCount = 0;
        for (Draining head; (head = draining.peek()) != null; workCount++) {
            String failure = null;
            try {
                if (!device.complete(head.event())) {
                    break;
                }
            } catch (KvConnectorException cause) {
                failure = String.valueOf(cause.getMessage()); // Nothing runs any more.
            }
            draining.remove();
            events.add(head.event());
            free.add(head.slot());
            listener.onDrained(head.part(), failure);
        }
        return workCount;
    }

    /** Waits for copies that are under way, which the device ends by itself, and frees all. */
    @Override
    public void close() {
        Closing closing = new Closing();
        for (Draining each : draining) {
            closing.run(() -> device.synchronize(each.event()));
            events.add(each.event());
        }
        draining.clear();
        events.forEach(event -> closing.run(event::close));
        events.clear();
        CudaStream open = stream;
        if (open != null) {
            stream = null;
            closing.run(open::close);
            closing.run(() -> device.free(address));
        }
        closing.end();
    }
}
