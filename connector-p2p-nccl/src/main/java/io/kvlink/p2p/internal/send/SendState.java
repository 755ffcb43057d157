// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.send;

import io.kvlink.p2p.internal.send.SavedPieces.Count;
import io.kvlink.p2p.internal.session.Session;
import io.kvlink.spi.KvError;
import java.nio.ByteBuffer;
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
 * <p>A standing grant leads from each of the four in front of {@code Sending} to it. A transfer may
 * fail in every state; the device reads its pieces in {@code Sending}, {@code Finishing} and {@code
 * Draining} only.
 */
sealed interface SendState {

    /** The session that the transfer goes to and counts for; {@code null} if there is none. */
    default @Nullable Session session() {
        return null;
    }

    /** Started, and neither failed nor ended: it has a deadline. */
    sealed interface Live extends SendState {
        long deadlineNs();
    }

    /** The engine may still have something to add. */
    sealed interface Producing extends Live {
        Production production();

        Producing with(Production next);

        @Override
        default long deadlineNs() {
            return production().deadlineNs();
        }
    }

    /** Without a ticket: the receiver has no memory for it yet. */
    sealed interface Ungranted extends Producing {
        /** How often the receiver said BUSY. */
        int refusals();

        /** The transfer goes to this session; an offer on another one is worth nothing. */
        Ungranted goingTo(Session next);

        @Override
        Ungranted with(Production next);
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
    record Unclaimed(Production production) implements Ungranted {
        @Override
        public int refusals() {
            return 0;
        }

        @Override
        public Unclaimed with(Production next) {
            return new Unclaimed(next);
        }

        @Override
        public Unoffered goingTo(Session next) {
            return new Unoffered(next, production, 0);
        }
    }

    /** To be offered as soon as its session is open. */
    record Unoffered(Session session, Production production, int refusals) implements Ungranted {
        @Override
        public Unoffered with(Production next) {
            return new Unoffered(session, next, refusals);
        }

        @Override
        public Unoffered goingTo(Session next) {
            return new Unoffered(next, production, refusals);
        }
    }

    /** The receiver had no room. To be offered again, but not before {@code untilNs}. */
    record ToldBusy(Session session, Production production, int refusals, long untilNs)
            implements Ungranted {
        @Override
        public ToldBusy with(Production next) {
            return new ToldBusy(session, next, refusals, untilNs);
        }

        @Override
        public ToldBusy goingTo(Session next) {
            return new ToldBusy(next, production, refusals, untilNs);
        }
    }

    /** An offer is out. Its answer looks at all that is saved by then. */
    record Offered(Session session, Production production, int refusals) implements Ungranted {
        @Override
        public Offered with(Production next) {
            return new Offered(session, next, refusals);
        }

        @Override
        public Unoffered goingTo(Session next) {
            return new Unoffered(next, production, refusals);
        }
    }

    /**
     * Pieces leave under a ticket as they are saved.
     *
     * @param posted pieces that the device was given, or that the receiver doesn't want
     * @param reading the device may still read some of them
     * @param told the receiver knows that all it waits for is computed
     */
    record Sending(
            Session session,
            Ticket ticket,
            Production production,
            Count posted,
            boolean reading,
            boolean told)
            implements Producing, Ticketed {
        @Override
        public Sending with(Production next) {
            return new Sending(session, ticket, next, posted, reading, told);
        }

        Sending posted(Count nowPosted, boolean nowReading) {
            return new Sending(session, ticket, production, nowPosted, nowReading, told);
        }

        Sending told(boolean nowTold) {
            return new Sending(session, ticket, production, posted, reading, nowTold);
        }
    }

    /** The receiver has everything; the device hasn't said yet that it reads no more. */
    record Finishing(Session session, Ticket ticket, long deadlineNs) implements Live, Ticketed {}

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
     * @param standing it came with a fetch, before any offer was answered
     * @param plane the data plane that carries the pieces
     * @param arrivesSoon the receiver may load first pieces while the last ones travel
     */
    record Ticket(long number, boolean tail, boolean standing, String plane, boolean arrivesSoon) {}

    /**
     * Promise of the engine.
     *
     * @param patienceNs how long the next chunk may take
     * @param deadlineNs when the transfer fails
     * @param chunks saved chunks for which the deadline was put off
     * @param tail what is known of the tail
     */
    record Production(long patienceNs, long deadlineNs, int chunks, Tail tail) {
        Production with(Tail next) {
            return new Production(patienceNs, deadlineNs, chunks, next);
        }

        /** As many chunks are saved now: there is time for another one. */
        Production renewed(int saved, long nowNs) {
            return new Production(patienceNs, nowNs + patienceNs, saved, tail);
        }
    }

    /** Tail of a transfer, with its attachment. */
    sealed interface Tail {
        /** The engine has said nothing of it. */
        record Awaited() implements Tail {}

        /** The engine attached this to it, or that there is nothing to attach. */
        record Attached(Optional<ByteBuffer> content) implements Tail {}

        /** There is none, or there will be none. */
        record None() implements Tail {}
    }
}
