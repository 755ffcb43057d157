// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.session.Session;
import java.nio.ByteBuffer;
import java.util.Optional;

/** Something that happened to a transfer on its way in, with all facts that matter. */
sealed interface ReceiveEvent {

    /** Time of an event, and how long a request or an unclaimed transfer waits from then on. */
    record Moment(long nowNs, long requestUntilNs, long unclaimedUntilNs) {}

    /** When it happened. */
    Moment at();

    /** Nothing more comes through a session. */
    sealed interface Loss extends ReceiveEvent {
        /** The session. */
        Session session();

        /** The reason. */
        Expectation.Failed why();
    }

    /** Answer to an effect. Where no effect asked for it, it is a defect. */
    sealed interface Answer extends ReceiveEvent {}

    /** Last report of a device about a ticket: it has let go of the memory. */
    sealed interface TicketEnd extends Answer {}

    /** A request asks for it. */
    record Asked(Moment at, Expectation request) implements ReceiveEvent {}

    /** A request lets go of it. */
    record Released(Moment at, Expectation request) implements ReceiveEvent {}

    /** The connector is closing, and the engine has stopped calling. */
    record Closed(Moment at) implements ReceiveEvent {}

    /** Its time is over. */
    record DeadlinePassed(Moment at) implements ReceiveEvent {}

    /** A peer offers all of its layers, or only some; perhaps the token behind them, too. */
    record Offered(Moment at, Session by, int tokens, long digest, boolean whole, boolean tail)
            implements ReceiveEvent {}

    /** The sender has computed all layers. */
    record Saved(Moment at, Session by) implements ReceiveEvent {}

    /** The sender has computed all of a ticket with a tail, and this goes with it. */
    record Attached(Moment at, Session by, long ticket, Optional<ByteBuffer> content)
            implements ReceiveEvent {}

    /** A session that this side dialled is open. */
    record CallOpened(Moment at, Session call) implements ReceiveEvent {}

    /** The peer has given the transfer up. */
    record Cancelled(Moment at, Session session, Expectation.Failed why) implements Loss {}

    /** A session is over. */
    record SessionEnded(Moment at, Session session, Expectation.Failed why) implements Loss {}

    /** The frame with the ticket couldn't be sent. */
    record GrantLost(Moment at, Expectation.Failed why) implements Answer {}

    /** Memory is leased. */
    record Reserved(Moment at, Ticket ticket) implements Answer {}

    /** There is no memory now. */
    record NoRoom(Moment at) implements Answer {}

    /** There never will be memory for that. */
    record TooLarge(Moment at, String detail) implements Answer {}

    /** A chunk came, and isn't the last. */
    record ChunkReceived(Moment at) implements Answer {}

    /** All bytes came. */
    record Received(Moment at) implements TicketEnd {}

    /** No more than so many bytes came. */
    record ReceiveFailed(Moment at, long bytes, Expectation.Failed why) implements TicketEnd {}
}
