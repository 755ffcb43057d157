// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane;

import io.kvlink.p2p.internal.plane.DataPlane.ReceiveOp;
import io.kvlink.spi.MemoryRegion;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/** A receive that hasn't ended: which of its pieces are here, and who sends them. Device thread. */
public final class PostedReceive {

    private final ReceiveOp op;
    private final long number;
    private final BitSet arrived;
    private @Nullable Source source;

    PostedReceive(ReceiveOp op, long number) {
        this.op = op;
        this.number = number;
        this.arrived = new BitSet(op.destinations().size());
    }

    /** Connection that a receive's bytes come on. */
    public interface Source {
        /**
         * The receive ends without success: from now on its destinations must not be written.
         *
         * @param receive the receive
         */
        void abandon(PostedReceive receive);
    }

    public ReceiveOp op() {
        return op;
    }

    /** Number of receives of its plane were posted before. */
    public long number() {
        return number;
    }

    /** Number of pieces that aren't here. */
    int missing() {
        return op.destinations().size() - arrived.cardinality();
    }

    /** The first source that sent a piece; the receive belongs to it. */
    public @Nullable Source source() {
        return source;
    }

    public void ownedBy(Source first) {
        source = first;
    }

    /** Reason why such a piece can't be taken; empty if it can. */
    public String fault(int piece, long length) {
        int index = piece - op.firstPiece();
        if (index < 0 || index >= op.destinations().size()) {
            return "piece=%d expected=%d..%d"
                    .formatted(
                            piece, op.firstPiece(), op.firstPiece() + op.destinations().size() - 1);
        }
        if (arrived.get(index)) {
            return "piece=" + piece + " came twice";
        }
        long expected = op.destinations().get(index).bytes();
        return length == expected
                ? ""
                : "piece=%d bytes=%d expected=%d".formatted(piece, length, expected);
    }

    public MemoryRegion destination(int piece) {
        return op.destinations().get(piece - op.firstPiece());
    }

    /** Takes note of a piece; true if it was the last one missing. */
    boolean arrived(int piece) {
        arrived.set(piece - op.firstPiece());
        return arrived.cardinality() == op.destinations().size();
    }
}
