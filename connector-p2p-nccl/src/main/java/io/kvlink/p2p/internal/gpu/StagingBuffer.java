// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.gpu;

import io.kvlink.p2p.internal.cuda.CudaDevice;
import io.kvlink.p2p.internal.cuda.CudaEvent;
import io.kvlink.p2p.internal.cuda.CudaStream;
import io.kvlink.p2p.internal.cuda.RunCopier;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Device memory where a sender gathers what it sends: NCCL takes some microseconds for a message,
 * and few layers lie in one run. Some slots, so that one is gathered while others are sent. Takes
 * its memory when first needed. Device thread.
 */
final class StagingBuffer implements AutoCloseable {

    /** A group, and the gaps before its messages. */
    static final long SLOT_BYTES = PullLane.GROUP_BYTES + LinkCodec.MAX_PARTS * 256L;

    private static final int SLOTS = 3;

    /**
     * Room for one group.
     *
     * @param address its first byte
     * @param gathered reached when what was gathered is there
     */
    record Slot(long address, CudaEvent gathered) {}

    private final CudaDevice device;
    private final List<Slot> slots = new ArrayList<>();
    private final ArrayDeque<Slot> free = new ArrayDeque<>();
    private @Nullable CudaStream stream;
    private @Nullable RunCopier copier;
    private long address;

    StagingBuffer(CudaDevice device) {
        this.device = device;
    }

    /** Takes a slot, or {@code null} if all are being sent. */
    @Nullable Slot take() {
        if (stream == null) {
            stream = device.newStream();
            copier = device.newRunCopier();
            address = device.allocate(SLOTS * SLOT_BYTES);
            for (int i = 0; i < SLOTS; i++) {
                slots.add(new Slot(address + i * SLOT_BYTES, device.newEvent()));
            }
            free.addAll(slots);
        }
        return free.poll();
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
        if (offset + move.part().bytes() > SLOT_BYTES) {
            throw new KvConnectorException(
                    KvError.MALFORMED_FRAME, "a pull of more than " + SLOT_BYTES);
        }
        long start = slot.address + offset;
        long at = start;
        for (Move.Run run : move.runs()) {
            if (run.onDevice()) {
                opened(copier).add(run.address(), at, run.bytes(), opened(stream));
            } else {
                device.copy(run.address(), at, run.bytes(), opened(stream));
            }
            at += run.bytes();
        }
        return start;
    }

    /** All that was gathered into a slot is to be sent. */
    void finish(Slot slot) {
        opened(copier).flush(opened(stream));
        device.record(slot.gathered, opened(stream));
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
        if (stream != null) {
            opened(copier).close();
            slots.forEach(slot -> slot.gathered.close());
            slots.clear();
            stream.close();
            stream = null;
            device.free(address);
        }
    }
}
