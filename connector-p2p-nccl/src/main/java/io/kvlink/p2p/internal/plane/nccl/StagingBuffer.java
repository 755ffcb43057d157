// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.nccl;

import io.kvlink.p2p.internal.cuda.CudaDevice;
import io.kvlink.p2p.internal.cuda.CudaEvent;
import io.kvlink.p2p.internal.cuda.CudaStream;
import io.kvlink.p2p.internal.cuda.RunCopier;
import io.kvlink.p2p.internal.plane.pull.Closing;
import io.kvlink.p2p.internal.plane.pull.LinkCodec;
import io.kvlink.p2p.internal.plane.pull.Move;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Device memory where a sender gathers what it sends: NCCL takes some microseconds for a message,
 * and few pieces lie in one run. Some slots, so that one is gathered while others are sent. Takes
 * its memory when first needed. Device thread.
 */
final class StagingBuffer implements AutoCloseable {

    /** The gap before a message is smaller: wide copies want it. */
    static final long ALIGNMENT = 256;

    private static final Logger log = LoggerFactory.getLogger(StagingBuffer.class);
    private static final int SLOTS = 3;

    /**
     * Room for one group.
     *
     * @param address its first byte
     * @param gathered reached when what was gathered is there
     */
    record Slot(long address, CudaEvent gathered) {}

    private final CudaDevice device;
    private final long slotBytes;
    private final List<Slot> slots = new ArrayList<>();
    private final ArrayDeque<Slot> free = new ArrayDeque<>();
    private @Nullable CudaStream stream;
    private @Nullable RunCopier copier;
    private long address;

    /**
     * Takes nothing yet.
     *
     * @param device whose memory it takes
     * @param groupBytes of the largest group
     */
    StagingBuffer(CudaDevice device, long groupBytes) {
        this.device = device;
        slotBytes = (groupBytes + LinkCodec.MAX_PARTS * ALIGNMENT + ALIGNMENT - 1) & -ALIGNMENT;
    }

    /**
     * Takes a slot, or {@code null} if all are being sent.
     *
     * @throws KvConnectorException if there is no memory for them
     */
    @Nullable Slot take() {
        if (stream == null) {
            open();
        }
        return free.poll();
    }

    private void open() {
        try {
            address = device.allocate(SLOTS * slotBytes);
            while (slots.size() < SLOTS) {
                long at = address + slots.size() * slotBytes;
                slots.add(new Slot(at, device.newEvent()));
            }
            stream = device.newStream();
        } catch (KvConnectorException cause) {
            closeQuietly();
            throw cause;
        }
        free.addAll(slots);
    }

    void giveBack(Slot slot) {
        free.add(slot);
    }

    /**
     * Enqueues the gathering of a part.
     *
     * @param slot where
     * @param offset first byte in the slot
     * @param move what; its source is complete
     * @return where it will lie
     * @throws KvConnectorException with MALFORMED_FRAME if the receiver pulls more than a group
     */
    long gather(Slot slot, long offset, Move move) {
        if (move.part().bytes() > slotBytes - offset) {
            throw new KvConnectorException(
                    KvError.MALFORMED_FRAME, "a pull of more than " + slotBytes);
        }
        long start = slot.address + offset;
        long at = start;
        for (Move.Run run : move.runs()) {
            if (run.onDevice()) {
                copier().add(run.address(), at, run.bytes(), opened(stream));
            } else {
                device.copy(run.address(), at, run.bytes(), opened(stream));
            }
            at += run.bytes();
        }
        return start;
    }

    /** All that was gathered into a slot is to be sent. */
    void finish(Slot slot) {
        copier().flush(opened(stream));
        device.record(slot.gathered, opened(stream));
    }

    /**
     * Gives up what was gathered into a slot, which may be half enqueued.
     *
     * @return false if nothing of it runs; else it is over when the slot's event is reached
     */
    boolean abandon(Slot slot) {
        if (copier != null) {
            copier.close(); // With the runs that it has gathered: nobody must enqueue them now.
            copier = null;
        }
        try {
            device.record(slot.gathered, opened(stream));
            return true;
        } catch (KvConnectorException cause) {
            return false; // The context is lost, and runs nothing.
        }
    }

    private RunCopier copier() {
        if (copier == null) {
            copier = device.newRunCopier(RunCopier.WIDE);
        }
        return copier;
    }

    private static <T> T opened(@Nullable T part) {
        if (part == null) {
            throw new IllegalStateException("nothing was taken");
        }
        return part;
    }

    /** Frees all; nothing is being sent. */
    @Override
    public void close() {
        Closing closing = new Closing();
        if (copier != null) {
            closing.run(copier::close);
            copier = null;
        }
        slots.forEach(slot -> closing.run(slot.gathered::close));
        slots.clear();
        free.clear();
        if (stream != null) {
            closing.run(stream::close);
            stream = null;
        }
        if (address != 0) {
            long freed = address;
            address = 0;
            closing.run(() -> device.free(freed));
        }
        closing.end();
    }

    private void closeQuietly() {
        try {
            close();
        } catch (KvConnectorException again) {
            log.warn("plane=nccl {}", again.getMessage());
        }
    }
}
