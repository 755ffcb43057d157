// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.p2p.internal.session.Session;
import io.kvlink.spi.KvError;
import io.kvlink.spi.TransferId;
import java.util.List;
import java.util.Optional;

/**
 * State of one transfer on its way in. Each state is a record in a file of its own: it holds what
 * is known in that state, and says what each event leads to. An event that a state doesn't mention
 * leaves it as it is. The result of an effect, or a device's report, where none is awaited is a
 * defect, and throws. Immutable, but for the {@link Arrival} and the leases that it refers to.
 *
 * <pre>
 *   Unheard -> Calling -> Called -> Standing -> Recalled -> Calling
 *   Unheard, Calling, Called -> Deferred -> Granted
 *   Standing, Recalled, Granted -> Unattached -> Loaded | Unclaimed -> Loaded
 *   Standing, Recalled, Granted -> Draining -> Failed | Spoiled | Over
 *   Loaded, Unclaimed, Failed, Spoiled -> Over
 * </pre>
 */
sealed interface Receipt permits Receipt.Known, Over {

    /** How soon a sender that is told BUSY may offer again. */
    int BUSY_MS = 5;

    /** A state of a transfer that hasn't ended. */
    sealed interface Known extends Receipt
            permits Unheard, Receipt.Timed, Receipt.Ticketed, Failed {

        /** The transfer. */
        Subject subject();

        @Override
        default TransferId id() {
            return subject().id();
        }

        /** An offer that isn't waited for harms nobody but its sender. */
        @Override
        default Step on(ReceiveEvent.Offered offered) {
            return Step.to(this, cancel(offered.by(), refusal(offered)));
        }

        /** Why an offer isn't taken. */
        default Expectation.Failed refusal(ReceiveEvent.Offered offered) {
            String detail = "the offer doesn't fit " + summary();
            return subject()
                    .misfit(offered)
                    .orElseGet(() -> new Expectation.Failed(KvError.MALFORMED_FRAME, detail));
        }
    }

    /** A state that ends by itself at its deadline, whatever else happens. */
    sealed interface Timed extends Known permits Receipt.Unfinished, Unclaimed {
        /** When it ends. */
        long deadlineNs();
    }

    /**
     * A state that may still fail. It does when its request lets go, when its time is over, and
     * when the connector closes, and then tells its peers.
     */
    sealed interface Unfinished extends Timed
            permits Calling, Called, Deferred, Receipt.Arriving, Unattached {

        /** Its request. */
        Claim claim();

        /** Peers that hear if it fails here. */
        List<Session> peers();

        /**
         * Fails it.
         *
         * @param left the claim, as it is by then
         * @param why the reason
         * @param at when
         * @param told peers that hear of it
         */
        Step fail(Claim left, Expectation.Failed why, Moment at, List<Session> told);

        @Override
        default Step on(ReceiveEvent.Released released) {
            if (!claim().by(released.request())) {
                return Step.to(this);
            }
            String detail = "the consumer gave the request up";
            Expectation.Failed why = new Expectation.Failed(KvError.CANCELLED, detail);
            return fail(new Claim.Nobody(), why, released.at(), peers());
        }

        @Override
        default Step on(ReceiveEvent.DeadlinePassed passed) {
            String detail = summary() + "; its time is over";
            Expectation.Failed why = new Expectation.Failed(KvError.DEADLINE, detail);
            return fail(claim(), why, passed.at(), peers());
        }

        @Override
        default Step on(ReceiveEvent.Closed closed) {
            String detail = "this connector is closing";
            Expectation.Failed why = new Expectation.Failed(KvError.CLOSED, detail);
            Step failed = fail(claim(), why, closed.at(), peers());
            return failed.then(failed.next().on(closed));
        }
    }

    /** A state in which memory is leased under a ticket. */
    sealed interface Ticketed extends Known
            permits Receipt.Arriving, Unattached, Unclaimed, Loaded, Draining, Spoiled {
        /** The ticket. */
        Ticket ticket();

        @Override
        default Optional<Session> session() {
            return Optional.of(ticket().session());
        }
    }

    /** A state in which a ticket is out, and the device may write. */
    sealed interface Arriving extends Unfinished, Ticketed permits Standing, Recalled, Granted {
        /** What is on its way. */
        Delivery delivery();

        @Override
        default Subject subject() {
            return delivery().subject();
        }

        @Override
        default Ticket ticket() {
            return delivery().ticket();
        }

        @Override
        default Claim claim() {
            return delivery().claim();
        }

        @Override
        default long deadlineNs() {
            return delivery().deadlineNs();
        }
    }

    /** The transfer. */
    TransferId id();

    /** The session that it counts for. */
    default Optional<Session> session() {
        return Optional.empty();
    }

    /** A request asks for it. */
    default Step on(ReceiveEvent.Asked asked) {
        return belongsToAnother(asked);
    }

    /** A request lets go of it. */
    default Step on(ReceiveEvent.Released released) {
        return Step.to(this);
    }

    /** The connector is closing, and the engine has stopped calling. */
    default Step on(ReceiveEvent.Closed closed) {
        return Step.to(this);
    }

    /** A peer offers it. */
    Step on(ReceiveEvent.Offered offered);

    /** The sender has computed all layers. */
    default Step on(ReceiveEvent.Saved saved) {
        return Step.to(this);
    }

    /** The sender has computed all, and this goes with it. */
    default Step on(ReceiveEvent.Attached attached) {
        return Step.to(this);
    }

    /** The peer has given it up. */
    default Step on(ReceiveEvent.Cancelled cancelled) {
        return Step.to(this);
    }

    /** A session that this side dialled is open. */
    default Step on(ReceiveEvent.CallOpened opened) {
        return Step.to(this);
    }

    /** A session is over. */
    default Step on(ReceiveEvent.SessionEnded ended) {
        return Step.to(this);
    }

    /** Its time is over. */
    default Step on(ReceiveEvent.DeadlinePassed passed) {
        return Step.to(this);
    }

    /** Memory is leased, as an effect wanted. */
    default Step on(ReceiveEvent.Reserved reserved) {
        throw illegal(reserved);
    }

    /** There is no memory now, for what an effect wanted. */
    default Step on(ReceiveEvent.NoRoom noRoom) {
        throw illegal(noRoom);
    }

    /** There never will be memory for what an effect wanted. */
    default Step on(ReceiveEvent.TooLarge tooLarge) {
        throw illegal(tooLarge);
    }

    /** The frame with the ticket couldn't be sent. */
    default Step on(ReceiveEvent.GrantLost lost) {
        throw illegal(lost);
    }

    /** A chunk came, and isn't the last. */
    default Step on(ReceiveEvent.ChunkReceived chunk) {
        throw illegal(chunk);
    }

    /** All bytes came; the device has let go of the memory. */
    default Step on(ReceiveEvent.Received received) {
        throw illegal(received);
    }

    /** The device has let go of the memory before all bytes came. */
    default Step on(ReceiveEvent.ReceiveFailed failed) {
        throw illegal(failed);
    }

    /** The state in a few words. */
    default String summary() {
        return "transfer=" + id() + " state=" + getClass().getSimpleName();
    }

    /** Refuses a request: another one has the transfer. */
    default Step belongsToAnother(ReceiveEvent.Asked asked) {
        String detail = "transfer=" + id() + " belongs to another request";
        Expectation.Failed refused = new Expectation.Failed(KvError.BAD_ROUTE, detail);
        return Step.to(this, new ReceiveEffect.Tell(asked.request(), refused));
    }

    /** Tells a peer that the transfer has ended here, for it at least. */
    default ReceiveEffect cancel(Session to, Expectation.Failed why) {
        return new ReceiveEffect.Send(to, new Frame.Cancel(id(), why.error(), why.detail()));
    }

    /** Has a peer offer it again a little later. */
    default ReceiveEffect busy(Session to) {
        return new ReceiveEffect.Send(to, new Frame.Busy(id(), BUSY_MS));
    }

    private IllegalStateException illegal(ReceiveEvent event) {
        return new IllegalStateException(
                summary() + " event=" + event.getClass().getSimpleName() + " is no legal pair");
    }
}
