// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.send;

import io.kvlink.p2p.internal.plane.DataPlane;
import io.kvlink.p2p.internal.plane.DataPlane.SendListener;
import io.kvlink.p2p.internal.plane.DataPlane.SendOp;
import io.kvlink.p2p.internal.send.SavedPieces.Piece;
import io.kvlink.p2p.internal.send.SendState.Failure;
import io.kvlink.p2p.internal.send.SendState.Ticket;
import io.kvlink.p2p.internal.session.Session;
import io.kvlink.spi.KvError;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.function.BiConsumer;

/** Hands pieces to the device thread, and brings its reports to the control thread. */
final class PieceSender {

    private final Executor control;
    // Hears, on the control thread, that a piece failed or that none is being read any more.
    private final BiConsumer<OutboundTransfer, Optional<Failure>> ended;

    PieceSender(Executor control, BiConsumer<OutboundTransfer, Optional<Failure>> ended) {
        this.control = control;
        this.ended = ended;
    }

    /** Posts those that are wanted of some pieces; the others are over. */
    void post(OutboundTransfer transfer, SendEffect.Post these) {
        for (int index = these.from(); index < these.to(); index++) {
            Piece piece = transfer.pieces().piece(index);
            if (these.ticket().tail() || !transfer.pieces().ofTail(piece)) {
                post(transfer, these.session(), these.ticket(), piece);
            } else {
                transfer.onPieceOver();
            }
        }
    }

    /** Posts a tail that has no content. */
    void post(OutboundTransfer transfer, SendEffect.PostEmptyTail tail) {
        for (Piece piece : transfer.pieces().emptyTail()) {
            post(transfer, tail.session(), tail.ticket(), piece);
        }
    }

    private void post(OutboundTransfer transfer, Session session, Ticket ticket, Piece piece) {
        transfer.onPiecePosted();
        SendOp op =
                new SendOp(
                        session.endpoint(),
                        ticket.number(),
                        piece.number(),
                        piece.source(),
                        piece.bytes(),
                        piece.after(),
                        new Report(transfer, piece));
        session.device().submit(plane -> send(plane, op));
    }

    // On the device thread. What a plane throws ends the operation, or it would never end.
    private static void send(DataPlane plane, SendOp op) {
        try {
            plane.send(op);
        } catch (RuntimeException defect) {
            op.listener()
                    .onSendFailed(op, KvError.INTERNAL, "plane=" + plane.name() + " " + defect);
        }
    }

    private final class Report implements SendListener {
        private final OutboundTransfer transfer;
        private final Piece piece;

        Report(OutboundTransfer transfer, Piece piece) {
            this.transfer = transfer;
            this.piece = piece;
        }

        @Override
        public void onSent(SendOp op) {
            transfer.onPieceSent(op.bytes());
            transfer.kv().releasePoint(piece);
            // Waking the control thread for each piece costs more than sending a small one.
            if (transfer.onPieceEnded()) {
                control.execute(() -> ended.accept(transfer, Optional.empty()));
            }
        }

        @Override
        public void onSendFailed(SendOp op, KvError error, String detail) {
            transfer.kv().releasePoint(piece);
            transfer.onPieceEnded();
            Failure failure = new Failure(error, detail);
            control.execute(() -> ended.accept(transfer, Optional.of(failure)));
        }
    }
}
