// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.send;

import io.kvlink.p2p.internal.plane.DataPlane;
import io.kvlink.p2p.internal.plane.DataPlane.SendListener;
import io.kvlink.p2p.internal.plane.DataPlane.SendOp;
import io.kvlink.p2p.internal.session.Session;
import io.kvlink.spi.KvError;
import io.kvlink.spi.MemoryRegion;
import java.util.List;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/** Hands granted pieces to the device thread, and brings its reports to the control thread. */
final class Sends {

    /** Hears, on the control thread, that a piece failed or that none is being read any more. */
    interface Listener {
        void onSendEnded(Outbound transfer, @Nullable KvError error, String detail);
    }

    private final Executor control;
    private final Listener listener;

    Sends(Executor control, Listener listener) {
        this.control = control;
        this.listener = listener;
    }

    /** Posts what is saved of a granted transfer and not posted yet, in order. */
    void post(Outbound transfer, Session session) {
        while (transfer.looked < transfer.savedPieces()) {
            int index = transfer.looked++;
            SavedPieces.Saved piece = transfer.piece(index);
            if (transfer.wanted(piece)) {
                post(transfer, session, piece, index);
            } else {
                transfer.onPieceOver();
            }
        }
    }

    /** Posts a tail that has no content, since the receiver waits for one. */
    void postEmptyTail(Outbound transfer, Session session) {
        for (int layer = 0; layer < transfer.layers(); layer++) {
            List<MemoryRegion> token = transfer.firstToken(layer);
            long bytes = token.stream().mapToLong(MemoryRegion::bytes).sum();
            int piece = transfer.chunks().body() * transfer.layers() + layer;
            post(transfer, session, new SavedPieces.Saved(piece, token, bytes), Outbound.NONE);
        }
    }

    private void post(Outbound transfer, Session session, SavedPieces.Saved piece, int index) {
        transfer.onPiecePosted();
        SendOp op =
                new SendOp(
                        session.endpoint(),
                        transfer.ticket,
                        piece.piece(),
                        piece.source(),
                        piece.bytes(),
                        index == Outbound.NONE ? null : transfer.after(index),
                        new Sent(transfer, index));
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

    private final class Sent implements SendListener {
        private final Outbound transfer;
        private final int index;

        Sent(Outbound transfer, int index) {
            this.transfer = transfer;
            this.index = index;
        }

        @Override
        public void onSent(SendOp op) {
            transfer.onPieceSent(op.bytes());
            // Waking the control thread for each piece costs more than sending a small one.
            if (transfer.onPieceEnded(index)) {
                control.execute(() -> listener.onSendEnded(transfer, null, ""));
            }
        }

        @Override
        public void onSendFailed(SendOp op, KvError error, String detail) {
            transfer.onPieceEnded(index);
            control.execute(() -> listener.onSendEnded(transfer, error, detail));
        }
    }
}
