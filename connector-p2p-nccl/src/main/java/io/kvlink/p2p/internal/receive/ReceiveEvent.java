// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.arrival.Expectation;
import io.kvlink.p2p.internal.session.Session;
import java.nio.ByteBuffer;
import java.util.Optional;

/** Something that happened to a transfer on its way in, with all facts that matter. */
sealed interface ReceiveEvent {

    /** Time of an event, and how long a request or an unclaimed transfer waits from then on. */
    record Moment(long nowNs, long requestUntilNs, long unclaimedUntilNs) {}

    /** Time of the event. */
    Moment at();

    /** Loss of the sender on a session. */
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

    /** Request that asks for the transfer. */
    record Asked(Moment at, Expectation request) implements ReceiveEvent {}

    /** Request that lets go of the transfer. */
    record Released(Moment at, Expectation request) implements ReceiveEvent {}

    /** Close of the connector; the engine has stopped calling. */
    record Closed(Moment at) implements ReceiveEvent {}

    /** Deadline of the transfer. */
    record DeadlinePassed(Moment at) implements ReceiveEvent {}

    /** Offer of all layers, or of some; perhaps with the token behind them. */
    record Offered(Moment at, Session by, int tokens, long digest, boolean whole, boolean tail)
            implements ReceiveEvent {}

    /** Word of the sender that all layers are computed. */
    record Saved(Moment at, Session by) implements ReceiveEvent {}

    /** Word that all of a ticket with a tail is computed, and that this goes with it. */
    record Attached(Moment at, Session by, long ticket, Optional<ByteBuffer> content)
            implements ReceiveEvent {}

    /** Opening of a session that this side dialled. */
    record CallOpened(Moment at, Session call) implements ReceiveEvent {}

    /** Word of the peer that it has given the transfer up. */
    record Cancelled(Moment at, Session session, Expectation.Failed why) implements Loss {}

    /** End of a session. */
    record SessionEnded(Moment at, Session session, Expectation.Failed why) implements Loss {}

    /** Frame with the ticket that couldn't be sent. */
    record GrantLost(Moment at, Expectation.Failed why) implements Answer {}

    /** Memory, leased. */
    record Reserved(Moment at, Ticket ticket) implements Answer {}

    /** Lack of memory for now. */
    record NoRoom(Moment at) implements Answer {}

    /** Lack of memory for ever. */
    record TooLarge(Moment at, String detail) implements Answer {}

    /** Chunk that came and isn't the last. */
    record ChunkReceived(Moment at) implements Answer {}

    /** Last byte. */
    record Received(Moment at) implements TicketEnd {}

    /** End of a ticket of which only so many bytes came. */
    record ReceiveFailed(Moment at, long bytes, Expectation.Failed why) implements TicketEnd {}
}
