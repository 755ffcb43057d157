// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.arrival.Expectation;
import io.kvlink.p2p.internal.memory.LayerLeases;
import io.kvlink.p2p.internal.memory.TransferMemory;
import io.kvlink.p2p.internal.plane.DataPlane;
import io.kvlink.p2p.internal.plane.DataPlane.ReceiveListener;
import io.kvlink.p2p.internal.plane.DataPlane.ReceiveOp;
import io.kvlink.p2p.internal.session.Session;
import io.kvlink.p2p.internal.transfer.Chunks;
import io.kvlink.spi.KvError;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.function.Supplier;

/**
 * Tickets for leased memory. No ticket leaves before memory for all layers is leased and the
 * receive is posted. A ticket is for the peer of one session: the receive names its endpoint, and
 * the plane takes bytes under the ticket from nobody else. Control thread only; the device thread's
 * reports come through the control thread's queue.
 */
final class Grants {

    private final TransferMemory memory;
    private final Executor control;
    private final Inbox inbox;
    private final StandingGrants standing;
    private final Tickets tickets = new Tickets();

    Grants(TransferMemory memory, Executor control, Inbox inbox) {
        this.memory = memory;
        this.control = control;
        this.inbox = inbox;
        standing = new StandingGrants(memory.maxBytes());
    }

    /** Bytes of one layer. */
    static long layerBytes(Subject subject, Session session, boolean tail) {
        return subject.part().tokenBytes() * chunks(subject, session, tail).allTokens();
    }

    private static Chunks chunks(Subject subject, Session session, boolean tail) {
        return subject.part().of(Chunks.of(subject.tokens(), session.chunkTokens(), tail));
    }

    /** True if a transfer would fit if nothing else were leased. */
    boolean canEverFit(Subject subject, Session session, boolean tail) {
        return memory.canEverFit(subject.part().layers(), layerBytes(subject, session, tail));
    }

    /** Leases memory for a standing grant, if there is ample room. */
    Optional<Ticket> reserveAhead(Subject subject, Session session, boolean tail, long startedNs) {
        if (!standing.admits(
                session, subject.part().layers() * layerBytes(subject, session, tail))) {
            return Optional.empty();
        }
        Optional<Ticket> ticket = reserve(subject, session, tail, startedNs);
        ticket.ifPresent(standing::add);
        return ticket;
    }

    /** Leases memory for all layers, if there is room now. */
    Optional<Ticket> reserve(Subject subject, Session session, boolean tail, long startedNs) {
        long layerBytes = layerBytes(subject, session, tail);
        LayerLeases leases =
                memory.tryLease(subject.part().layers(), layerBytes, subject.id().toString());
        if (leases == null) {
            return Optional.empty();
        }
        return Optional.of(
                new Ticket(
                        tickets.take(),
                        session,
                        leases,
                        chunks(subject, session, tail),
                        subject.part().layers() * layerBytes,
                        session.device().plane().arrivesSoon(),
                        startedNs));
    }

    /** Posts a receive to the device. */
    void post(Subject subject, Ticket ticket) {
        subject.arrival().expect(ticket.chunks().count());
        ReceiveOp op =
                new ReceiveOp(
                        ticket.session().endpoint(),
                        ticket.number(),
                        0,
                        ticket.chunks().pieces(ticket.leases().regions()),
                        new Reports(subject));
        ticket.session().device().submit(plane -> receive(plane, op));
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

    /** Cancels a ticket at the device, which still reports how it ended. */
    void cancel(Ticket ticket) {
        ticket.session().device().submit(plane -> plane.cancelReceive(ticket.number()));
    }

    /** Brings the device thread's reports to the control thread: one a chunk. */
    private final class Reports implements ReceiveListener {
        private final Subject subject;
        // The device thread's own.
        private int pieces;
        private long bytes;

        Reports(Subject subject) {
            this.subject = subject;
        }

        @Override
        public void onPieceReceived(ReceiveOp op, int piece) {
            pieces++;
            bytes += op.destinations().get(piece).bytes();
            subject.arrival().arrived(piece % subject.part().layers(), () -> report(op));
        }

        private void report(ReceiveOp op) {
            if (pieces == op.destinations().size()) {
                onTicketEnd(op, () -> new ReceiveEvent.Received(inbox.moment()));
            } else if (pieces % subject.part().layers() == 0) {
                feed(() -> new ReceiveEvent.ChunkReceived(inbox.moment()));
            }
        }

        @Override
        public void onReceiveFailed(ReceiveOp op, KvError error, String detail) {
            long arrived = bytes;
            Expectation.Failed why = new Expectation.Failed(error, detail);
            onTicketEnd(op, () -> new ReceiveEvent.ReceiveFailed(inbox.moment(), arrived, why));
        }

        private void onTicketEnd(ReceiveOp op, Supplier<ReceiveEvent> event) {
            feed(
                    () -> {
                        tickets.release(op.ticket());
                        standing.onEnded(op.ticket());
                        return event.get();
                    });
        }

        // The time is the control thread's.
        private void feed(Supplier<ReceiveEvent> event) {
            control.execute(() -> inbox.feed(subject.id(), event.get()));
        }
    }
}
