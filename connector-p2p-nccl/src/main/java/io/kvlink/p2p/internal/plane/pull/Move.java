// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import io.kvlink.p2p.internal.plane.DataPlane.SendOp;
import io.kvlink.spi.MemoryKind;
import io.kvlink.spi.MemoryRegion;
import java.util.ArrayList;
import java.util.List;

/**
 * A part that the receiver has pulled, with the piece that it comes from.
 *
 * @param part what and where to
 * @param send the piece on its way
 */
public record Move(PullPart part, PendingSend send) {

    /**
     * Bytes in a row at the source.
     *
     * @param address of the first one
     * @param bytes how many
     * @param onDevice whether a kernel reaches it; host memory is for the copy engine
     */
    public record Run(long address, long bytes, boolean onDevice) {}

    /** Runs of the part's bytes, in order. */
    public List<Run> runs() {
        SendOp op = send.op;
        List<Run> runs = new ArrayList<>(2);
        long skip = part.offset();
        long left = part.bytes();
        for (MemoryRegion region : op.source()) {
            long length = Math.min(region.bytes() - skip, left);
            if (length > 0) {
                boolean onDevice = region.kind() == MemoryKind.DEVICE;
                runs.add(new Run(region.address() + skip, length, onDevice));
                left -= length;
                skip = 0;
            } else {
                skip -= region.bytes();
            }
            if (left == 0) {
                break;
            }
        }
        return runs;
    }
}
