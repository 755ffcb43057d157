// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.transfer;

import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.p2p.internal.memory.LayerLeases;
import io.kvlink.p2p.internal.memory.TransferMemory;
import io.kvlink.p2p.internal.plane.DataPlane;
import io.kvlink.p2p.internal.plane.DataPlane.ReceiveListener;
import io.kvlink.p2p.internal.plane.DataPlane.ReceiveOp;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvLayout;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * Leases memory for inbound transfers and hands out tickets for it: no ticket leaves before memory
 * for all layers is leased and the receive is posted. A ticket is for the peer of one session: the
 * receive names its endpoint, and the plane takes bytes under the ticket from nobody else. Control
 * thread only; what the device thread reports comes back through the control thread's queue.
 */
final class Grants {

    /** Hears how tickets end. */
    interface Listener {
        /** All layers of the ticket are here. */
        void onReceived(Inbound inbound);

        /** One more chunk is here, but not all. */
        void onChunk(Inbound inbound);

        /** The device writes no more; so many bytes of the ticket are here. */
        void onReceiveFailed(Inbound inbound, long bytes, KvError error, String detail);

        /** A ticket went out for an offer. */
        void onGranted(Inbound inbound);

        /** The ticket couldn't be sent. */
        void onGrantLost(Inbound inbound, String detail);
    }

    private final Sessions sessions;
    private final KvLayout layout;
    private final TransferMemory memory;
    private final Executor control;
    private final Listener listener;
    private final StandingGrants standing;
    private final Tickets tickets = new Tickets();

    Grants(
            Sessions sessions,
            KvLayout layout,
            TransferMemory memory,
            Executor control,
            Listener listener) {
        this.sessions = sessions;
        this.layout = layout;
        this.memory = memory;
        this.control = control;
        this.listener = listener;
        standing = new StandingGrants(memory.maxBytes());
    }

    /** Whether a transfer would fit if nothing else were leased. */
    boolean canEverFit(Inbound inbound) {
        return memory.canEverFit(layout.layers(), layout.layerBytes(inbound.allTokens()));
    }

    /** Leases memory for all layers; false if there is none now. */
    boolean reserve(Inbound inbound) {
        inbound.leases = lease(inbound);
        return inbound.leases != null;
    }

    private @Nullable LayerLeases lease(Inbound inbound) {
        return memory.tryLease(
                layout.layers(), layout.layerBytes(inbound.allTokens()), inbound.id.toString());
    }

    /**
     * Makes a standing grant of all layers, if there is ample memory. The ticket is posted; the
     * caller sends it.
     */
    void stand(Inbound inbound, Session session) {
        long bytes = inbound.bytes(layout);
        if (!standing.admits(session, bytes)) {
            return;
        }
        inbound.leases = lease(inbound);
        if (inbound.leases != null) {
            standing.add(session, bytes);
            inbound.standingOn = session;
            inbound.moveTo(ReceiveState.STANDING);
            post(inbound, session);
        }
    }

    /** A standing grant has ended, one way or the other. */
    void unstand(Inbound inbound) {
        if (inbound.standingOn != null) {
            standing.remove(inbound.standingOn, inbound.bytes(layout));
            inbound.standingOn = null;
        }
    }

    /** Has the device give up a ticket; it still ends through the listener. */
    void cancel(Inbound inbound) {
        long ticket = inbound.ticket;
        inbound.session().device().submit(plane -> plane.cancelReceive(ticket));
    }

    /** Grants what is offered and has memory. */
    void grant(Inbound inbound, Session session) {
        inbound.moveTo(ReceiveState.GRANTED);
        post(inbound, session);
        Frame grant = new Frame.Grant(inbound.id, inbound.ticket, 0, layout.layers(), inbound.tail);
        if (sessions.send(session, grant)) {
            listener.onGranted(inbound);
        } else {
            listener.onGrantLost(inbound, "GRANT could not be queued; " + session);
        }
    }

    private void post(Inbound inbound, Session session) {
        LayerLeases leases = inbound.leases;
        if (leases == null) {
            throw new IllegalStateException("granted without memory: " + inbound);
        }
        Chunks chunks = Chunks.of(inbound.tokens, session.chunkTokens(), inbound.tail);
        inbound.chunks = chunks;
        inbound.arrival.expect(chunks.count());
        inbound.ticket = tickets.take();
        ReceiveOp op =
                new ReceiveOp(
                        session.endpoint,
                        inbound.ticket,
                        0,
                        chunks.pieces(leases.regions()),
                        new Received(inbound));
        session.device().submit(plane -> receive(plane, op));
    }

    // On the device thread. What a plane throws ends the operation, or it would never end.
    private static void receive(DataPlane plane, ReceiveOp op) {
        try {
            plane.receive(op);
        } catch (RuntimeException defect) {
            op.listener()
                    .onReceiveFailed(op, KvError.INTERNAL, "plane=" + plane.name() + " " + defect);
        }
    }

    /** Brings the device thread's reports back to the control thread: one a chunk. */
    private final class Received implements ReceiveListener {
        private final Inbound inbound;
        // The device thread's own.
        private int pieces;
        private long bytes;

        Received(Inbound inbound) {
            this.inbound = inbound;
        }

        @Override
        public void onPieceReceived(ReceiveOp op, int piece) {
            pieces++;
            bytes += op.destinations().get(piece).bytes();
            inbound.arrival.arrived(piece % layout.layers(), () -> report(op));
        }

        private void report(ReceiveOp op) {
            if (pieces == op.destinations().size()) {
                control.execute(
                        () -> {
                            tickets.release(op.ticket());
                            listener.onReceived(inbound);
                        });
            } else if (pieces % layout.layers() == 0) {
                control.execute(() -> listener.onChunk(inbound));
            }
        }

        @Override
        public void onReceiveFailed(ReceiveOp op, KvError error, String detail) {
            long arrived = bytes;
            control.execute(
                    () -> {
                        tickets.release(op.ticket());
                        listener.onReceiveFailed(inbound, arrived, error, detail);
                    });
        }
    }
}
