// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import io.kvlink.p2p.internal.plane.DataPlane.ReceiveOp;
import io.kvlink.spi.KvError;
import io.kvlink.spi.MemoryRegion;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A receive that hasn't ended: what of it is missing, and how many of its parts somebody may still
 * write. The {@link PullReceiver}'s. Device thread.
 */
final class PendingReceive {
    final ReceiveOp op;
    final Link link;
    // Bytes that aren't in their place, by piece.
    final long[] missing;
    int piecesMissing;
    // Pieces that are pulled only when the sender has them.
    final Set<Integer> notReady = new HashSet<>();
    // Parts that are pulled and not here.
    int pulled;
    @Nullable KvError failure;
    String detail = "";

    PendingReceive(ReceiveOp op, Link link) {
        this.op = op;
        this.link = link;
        missing = new long[op.destinations().size()];
        piecesMissing = missing.length;
    }

    MemoryRegion destination(int index) {
        return op.destinations().get(index);
    }
}
