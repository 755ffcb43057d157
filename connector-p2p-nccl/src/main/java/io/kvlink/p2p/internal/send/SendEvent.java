// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.send;

import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.p2p.internal.send.SavedPieces.Count;
import io.kvlink.p2p.internal.send.SendState.Failure;
import io.kvlink.p2p.internal.send.SendState.Ticket;
import io.kvlink.p2p.internal.session.Session;
import java.util.Optional;

/** Event of a transfer on its way out, with all that {@link SendMachine} needs to know of it. */
sealed interface SendEvent {

    /** The engine begins the transfer, perhaps after a receiver has fetched it. */
    record Started(Optional<Fetched> fetch) implements SendEvent {}

    /** The transfer can't begin; whoever has fetched it is told. */
    record Refused(Failure failure, Optional<Session> fetcher) implements SendEvent {}

    /** Answers {@link SendEffect.Dial}: this is the session, perhaps still dialling. */
    record Dialled(Session session) implements SendEvent {}

    /**
     * Look at how far the others have come. Follows every event that may matter to them.
     *
     * @param saved the pieces of the engine
     * @param tail what it has said of the tail
     * @param open whether the transfer's session is open
     */
    record Progress(long nowNs, Count saved, Tail tail, boolean open) implements SendEvent {}

    /**
     * A receiver asks for the transfer.
     *
     * @param entitled it is the receiver that the transfer goes to, or may go to
     * @param ticket its standing grant, if there is one
     */
    record Fetched(
            Session session, boolean entitled, int tokens, long digest, Optional<Ticket> ticket)
            implements SendEvent {}

    /** The receiver answers an offer: there is room. */
    record Granted(Session session, Ticket ticket) implements SendEvent {}

    /** The receiver answers an offer: no room now. */
    record Busy(Session session, long nowNs, int retryAfterMs) implements SendEvent {}

    /** A frame couldn't be queued, and is lost. */
    record Unsent(Frame frame) implements SendEvent {}

    /** The receiver has all pieces of a ticket. */
    record Done(Session session, long ticket) implements SendEvent {}

    /** The peer gives the transfer up. */
    record Cancelled(Session session, Failure failure) implements SendEvent {}

    /**
     * A session is over.
     *
     * @param dialAgain another call may reach the peer
     */
    record SessionEnded(Session session, Failure failure, boolean dialAgain) implements SendEvent {}

    /**
     * The device let go of pieces.
     *
     * @param failure why one wasn't sent; empty if all were
     * @param idle it reads none now
     */
    record PiecesEnded(Optional<Failure> failure, boolean idle) implements SendEvent {}

    /** The engine will save no more. */
    record Aborted(Count saved) implements SendEvent {}

    /** The transfer's time is over. */
    record DeadlinePassed(String detail) implements SendEvent {}

    /** The connector closes. */
    record Closing() implements SendEvent {}
}
