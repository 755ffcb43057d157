// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

import io.kvlink.cuda.Gpu;
import io.kvlink.cuda.PinnedMemory;
import io.kvlink.djl.cuda.kv.CudaKvMemory;
import io.kvlink.djl.engine.DecodeRow;
import io.kvlink.djl.engine.KvSlots;
import io.kvlink.djl.engine.LayerHook;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Tries out whether a row has the same bits at every place of a full step. The setting {@code
 * exact} rests on it, and cuBLAS doesn't promise it. The decoder's thread.
 *
 * @param logits address of the step's logits, float32 {@code [maxBatch, vocabulary]}
 */
record RowPlaces(
        Gpu device,
        long stream,
        CudaKvMemory memory,
        DecodeSteps decodes,
        long logits,
        int vocabulary,
        int maxBatch) {

    /** True if all rows of a step with one token in each have equal logits. */
    boolean agree() {
        List<KvSlots> slots = new ArrayList<>();
        try {
            List<DecodeRow> rows = new ArrayList<>();
            for (int i = 0; i < maxBatch; i++) {
                KvSlots own = memory.allocate(1);
                if (own == null) {
                    return true; // Nor will there be so many rows.
                }
                slots.add(own);
                rows.add(new DecodeRow(own, 0, vocabulary / 2, null, true));
            }
            decodes.enqueue(rows, LayerHook.NONE).await();
            return allEqual();
        } finally {
            slots.forEach(KvSlots::release);
        }
    }

    private boolean allEqual() {
        long bytes = (long) vocabulary * Float.BYTES;
        try (PinnedMemory first = device.allocatePinned(bytes);
                PinnedMemory other = device.allocatePinned(bytes)) {
            read(first, 0, bytes);
            ByteBuffer wanted = first.buffer().duplicate();
            for (int row = 1; row < maxBatch; row++) {
                read(other, row, bytes);
                if (!other.buffer().duplicate().equals(wanted)) {
                    return false;
                }
            }
            return true;
        }
    }

    private void read(PinnedMemory to, int row, long bytes) {
        device.copyOut(to.address(), logits + row * bytes, bytes, stream);
        device.synchronizeStream(stream);
    }
}
