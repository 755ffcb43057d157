// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.send;

import io.kvlink.p2p.internal.send.SavedPieces.Count;
import io.kvlink.p2p.internal.session.Session;
import io.kvlink.spi.KvError;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * State of a transfer on its way out. Only {@link SendMachine} makes the next one. The control
 * thread moves a transfer from state to state; any thread may read where it stands.
 *
 * <pre>
 *   Created -> Unclaimed -> Unoffered -> Offered -> Sending -> Finishing -> Ended
 *                               ^           v          v           v          ^
 *                               +------ ToldBusy       +------- Draining -----+
 * </pre>
 *
 * <p>A standing grant leads from each {@link Ungranted} state to {@code Sending}. A transfer may
 * fail in every state. The device reads its pieces in {@code Sending}, {@code Finishing} and {@code
 * Draining} only.
 */
sealed interface SendState {

    /** The session that the transfer goes to and counts for; {@code null} if there is none. */
    default @Nullable Session session() {
        return null;
    }

    /** Started, and neither failed nor ended: its deadline counts. */
    sealed interface Live extends SendState {}

    /** Transfer without a ticket: the receiver has no memory for it yet. */
    sealed interface Ungranted extends Live {
        /** Number of times the receiver said BUSY. */
        int refusals();

        /** The transfer goes to this session; an offer on another one is worth nothing. */
        default Ungranted goingTo(Session next) {
            return this instanceof ToldBusy busy
                    ? new ToldBusy(next, refusals(), busy.untilNs)
                    : new Unoffered(next, refusals());
        }
    }

    /** Under a ticket. */
    sealed interface Ticketed extends SendState {
        @Override
        Session session();

        Ticket ticket();
    }

    /** Made by the engine's thread; the control thread hasn't heard of it. */
    record Created() implements SendState {}

    /** Held until somebody fetches it, or pushed and about to be dialled. */
    record Unclaimed() implements Ungranted {
        @Override
        public int refusals() {
            return 0;
        }
    }

    /** Transfer to be offered as soon as its session is open. */
    record Unoffered(Session session, int refusals) implements Ungranted {}

    /** The receiver had no room. To be offered again, but not before {@code untilNs}. */
    record ToldBusy(Session session, int refusals, long untilNs) implements Ungranted {}

    /** An offer is out. Its answer looks at all that is saved by then. */
    record Offered(Session session, int refusals) implements Ungranted {}

    /**
     * Pieces leave under a ticket as they are saved.
     *
     * @param posted pieces that the device was given, or that the receiver doesn't want
     * @param reading the device may still read some of them
     * @param told the receiver knows that all it waits for is computed
     */
    record Sending(Session session, Ticket ticket, Count posted, boolean reading, boolean told)
            implements Live, Ticketed {
        Sending posted(Count nowPosted, boolean nowReading) {
            return new Sending(session, ticket, nowPosted, nowReading, told);
        }

        Sending told(boolean nowTold) {
            return new Sending(session, ticket, posted, reading, nowTold);
        }
    }

    /** The receiver has everything; the device hasn't said yet that it reads no more. */
    record Finishing(Session session, Ticket ticket) implements Live, Ticketed {}

    /** Failed; the device may still read the pieces. */
    record Draining(Session session, Ticket ticket, Failure failure) implements Ticketed {}

    /**
     * Over: nothing reads the pieces.
     *
     * @param plane the data plane it went by; empty if no ticket came
     * @param failure why it wasn't sent; empty if it was
     */
    record Ended(String plane, Optional<Failure> failure) implements SendState {}

    /** Reason of a failure, as the engine, the peer and latecomers are told. */
    record Failure(KvError error, String detail) {}

    /**
     * Receiver's leave to send all pieces.
     *
     * @param number the receiver's number for it
     * @param tail it is for the tail, too, and the receiver waits for an attachment
     * @param standing it came with a fetch, unasked for
     * @param plane the data plane that carries the pieces
     * @param arrivesSoon the receiver may load the first layers while the last ones travel
     */
    record Ticket(long number, boolean tail, boolean standing, String plane, boolean arrivesSoon) {}
}
