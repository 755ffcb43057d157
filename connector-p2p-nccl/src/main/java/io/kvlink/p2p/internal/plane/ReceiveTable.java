// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane;

import io.kvlink.p2p.internal.plane.DataPlane.ReceiveOp;
import io.kvlink.spi.KvError;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The receives of a plane that haven't ended, by ticket. A receive leaves the table before its
 * listener hears of the end, so it ends once whatever the listener does. Device thread.
 */
public final class ReceiveTable {

    private final Map<Long, PostedReceive> byTicket = new HashMap<>();
    private final EndedReceives ended = new EndedReceives();
    private long posted;

    public void post(ReceiveOp op) {
        op.destinations().forEach(Regions::requireHost);
        if (op.destinations().isEmpty()) {
            throw new IllegalArgumentException("ticket=" + op.ticket() + " has no destination");
        }
        if (byTicket.putIfAbsent(op.ticket(), new PostedReceive(op, posted)) != null) {
            throw new IllegalArgumentException("ticket=" + op.ticket() + " was posted twice");
        }
        posted++;
    }

    public @Nullable PostedReceive find(long ticket) {
        return byTicket.get(ticket);
    }

    /** Number of receives that were posted so far. */
    public long posted() {
        return posted;
    }

    /**
     * Takes note of a piece that comes too late: its receive was given up.
     *
     * @param ticket the piece's ticket
     * @param sender who sends it
     * @return false if it isn't: the sender has no such ticket, or has sent all of its pieces
     */
    public boolean cameLate(long ticket, Token sender) {
        return ended.takePiece(ticket, sender);
    }

    /** All bytes of a piece are in their place. */
    public void pieceArrived(PostedReceive receive, int piece) {
        if (receive.arrived(piece)) {
            byTicket.remove(receive.op().ticket());
        }
        receive.op().listener().onPieceReceived(receive.op(), piece);
    }

    public void fail(long ticket, KvError error, String detail) {
        PostedReceive receive = byTicket.remove(ticket);
        if (receive == null) {
            return;
        }
        ended.add(receive);
        if (receive.source() != null) {
            receive.source().abandon(receive);
        }
        receive.op().listener().onReceiveFailed(receive.op(), error, detail);
    }

    public void failAll(Predicate<PostedReceive> which, KvError error, String detail) {
        // A listener may end other receives, so their tickets are collected before it is called.
        List<Long> tickets =
                byTicket.values().stream().filter(which).map(each -> each.op().ticket()).toList();
        for (long ticket : tickets) {
            fail(ticket, error, detail);
        }
    }
}
