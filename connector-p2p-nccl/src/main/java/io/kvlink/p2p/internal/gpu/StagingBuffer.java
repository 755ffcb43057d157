// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.gpu;

import io.kvlink.p2p.internal.cuda.CudaDevice;
import io.kvlink.p2p.internal.cuda.CudaEvent;
import io.kvlink.p2p.internal.cuda.CudaStream;
import io.kvlink.p2p.internal.cuda.RunCopier;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * Device memory where a sender gathers what it sends: NCCL takes some microseconds for a message,
 * and few layers lie in one run. Some slots, so that one is gathered while others are sent. Takes
 * its memory when first needed. Device thread.
 */
final class StagingBuffer implements AutoCloseable {

    static final int NONE = -1;

    private static final int SLOTS = 3;
    // A group, and the gaps before its messages.
    private static final long SLOT_BYTES = PullLane.GROUP_BYTES + LinkCodec.MAX_PARTS * 256L;

    private final CudaDevice device;
    private final ArrayDeque<Integer> free = new ArrayDeque<>();
    private @Nullable CudaStream stream;
    private @Nullable CudaEvent gathered;
    private @Nullable RunCopier copier;
    private long address;

    StagingBuffer(CudaDevice device) {
        this.device = device;
    }

    /** Takes a slot for a group, or {@link #NONE} if all are being sent. */
    int take() {
        if (stream == null) {
            stream = device.newStream();
            gathered = device.newEvent();
            copier = device.newRunCopier();
            address = device.allocate(SLOTS * SLOT_BYTES);
            for (int slot = 0; slot < SLOTS; slot++) {
                free.add(slot);
            }
        }
        Integer slot = free.poll();
        return slot == null ? NONE : slot;
    }

    void giveBack(int slot) {
        free.add(slot);
    }

    /**
     * Enqueues the gathering of a part.
     *
     * @param slot where
     * @param offset first byte in the slot
     * @param move what
     * @return where it will lie
     * @throws KvConnectorException with MALFORMED_FRAME if the receiver pulls more than a group
     */
    long gather(int slot, long offset, Move move) {
        if (offset + move.part().bytes() > SLOT_BYTES) {
            throw new KvConnectorException(
                    KvError.MALFORMED_FRAME, "a pull of more than " + SLOT_BYTES);
        }
        CudaStream to = opened(stream);
        long start = address + slot * SLOT_BYTES + offset;
        long at = start;
        for (Move.Run run : move.runs()) {
            opened(copier).add(run.address(), at, run.bytes(), to);
            at += run.bytes();
        }
        return start;
    }

    /** Lets a stream wait for all that was gathered. */
    void join(CudaStream sender) {
        CudaStream from = opened(stream);
        opened(copier).flush(from);
        device.record(opened(gathered), from);
        device.await(sender, opened(gathered));
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
            opened(gathered).close();
            stream.close();
            stream = null;
            device.free(address);
        }
    }
}
