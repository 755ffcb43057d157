// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.gpu;

import io.kvlink.p2p.internal.cuda.CudaDevice;
import io.kvlink.p2p.internal.cuda.CudaEvent;
import io.kvlink.p2p.internal.cuda.CudaStream;
import io.kvlink.p2p.internal.cuda.RunCopier;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * Device memory where a sender gathers layers that lie in many runs: NCCL takes longer for a
 * message than for its bytes. Two halves, so that one is gathered while the other one is sent.
 * Takes its memory when first needed. Device thread.
 */
final class StagingBuffer implements AutoCloseable {

    private static final int HALVES = 2;
    private static final long HALF_BYTES = PullLane.GROUP_BYTES;

    private final CudaDevice device;
    private final ArrayDeque<Integer> free = new ArrayDeque<>();
    private @Nullable CudaStream stream;
    private @Nullable CudaEvent gathered;
    private @Nullable RunCopier copier;
    private long address;
    private long used;

    StagingBuffer(CudaDevice device) {
        this.device = device;
    }

    /** Takes a half for a group, or -1 if both are being sent. */
    int take() {
        if (stream == null) {
            stream = device.newStream();
            gathered = device.newEvent();
            copier = device.newRunCopier();
            address = device.allocate(HALVES * HALF_BYTES);
            for (int half = 0; half < HALVES; half++) {
                free.add(half);
            }
        }
        used = 0;
        Integer half = free.poll();
        return half == null ? -1 : half;
    }

    void giveBack(int half) {
        free.add(half);
    }

    /**
     * Enqueues the gathering of a part into the half that was taken last.
     *
     * @return where it will lie
     */
    long gather(int half, Move move) {
        CudaStream to = opened(stream);
        CudaEvent after = move.send().op.after();
        if (after != null) {
            device.await(to, after);
        }
        long start = address + half * HALF_BYTES + used;
        long at = start;
        for (Move.Run run : move.runs()) {
            if (run.onDevice()) {
                opened(copier).add(run.address(), at, run.bytes(), to);
            } else {
                device.copy(run.address(), at, run.bytes(), to);
            }
            at += run.bytes();
        }
        // The next one begins where wide copies can.
        used += (move.part().bytes() + 255) & -256;
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
