// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.send;

import io.kvlink.p2p.internal.plane.DataPlane;
import io.kvlink.p2p.internal.plane.DataPlane.SendListener;
import io.kvlink.p2p.internal.plane.DataPlane.SendOp;
import io.kvlink.p2p.internal.send.SendState.Failure;
import io.kvlink.p2p.internal.session.Session;
import io.kvlink.spi.KvError;
import java.util.Optional;
import java.util.concurrent.Executor;

/** Hands pieces to the device thread, and brings its reports to the control thread. */
final class PieceSender {

    /** Hears, on the control thread, that a piece failed or that none is being read any more. */
    interface Listener {
        void onPiecesEnded(OutboundTransfer transfer, Optional<Failure> failure);
    }

    private static final int NEVER_SAVED = -1;

    private final Executor control;
    private final Listener listener;

    PieceSender(Executor control, Listener listener) {
        this.control = control;
        this.listener = listener;
    }

    /** Posts those that are wanted of some pieces; the others are over. */
    void post(OutboundTransfer transfer, SendEffect.Post pieces) {
        SavedPieces saved = transfer.pieces();
        for (int index = pieces.from(); index < pieces.to(); index++) {
            SavedPieces.Piece piece = saved.piece(index);
            if (pieces.ticket().tail() || !saved.ofTail(piece)) {
                post(transfer, pieces.session(), pieces.ticket(), piece, index);
            } else {
                transfer.onPieceOver();
            }
        }
    }

    /** Posts a tail that has no content. */
    void post(OutboundTransfer transfer, SendEffect.PostEmptyTail tail) {
        for (SavedPieces.Piece piece : transfer.pieces().emptyTail()) {
            post(transfer, tail.session(), tail.ticket(), piece, NEVER_SAVED);
        }
    }

    private void post(
            OutboundTransfer transfer,
            Session session,
            SendState.Ticket ticket,
            SavedPieces.Piece piece,
            int index) {
        transfer.onPiecePosted();
        SendOp op =
                new SendOp(
                        session.endpoint(),
                        ticket.number(),
                        piece.number(),
                        piece.source(),
                        piece.bytes(),
                        index == NEVER_SAVED ? null : transfer.pieces().after(index),
                        new Report(transfer, index));
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
        private final int index;

        Report(OutboundTransfer transfer, int index) {
            this.transfer = transfer;
            this.index = index;
        }

        @Override
        public void onSent(SendOp op) {
            transfer.onPieceSent(op.bytes());
            // Waking the control thread for each piece costs more than sending a small one.
            if (ended()) {
                control.execute(() -> listener.onPiecesEnded(transfer, Optional.empty()));
            }
        }

        @Override
        public void onSendFailed(SendOp op, KvError error, String detail) {
            ended();
            Failure failure = new Failure(error, detail);
            control.execute(() -> listener.onPiecesEnded(transfer, Optional.of(failure)));
        }

        private boolean ended() {
            if (index != NEVER_SAVED) {
                transfer.pieces().releasePoint(index);
            }
            return transfer.onPieceEnded();
        }
    }
}
