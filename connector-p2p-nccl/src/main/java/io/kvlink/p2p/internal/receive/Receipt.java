// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.arrival.Arrival;
import io.kvlink.p2p.internal.arrival.Expectation;
import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.p2p.internal.receive.ReceiveMachine.Step;
import io.kvlink.p2p.internal.session.Session;
import io.kvlink.spi.KvError;
import io.kvlink.spi.TransferId;
import java.util.List;
import java.util.Optional;

/**
 * State of one transfer on its way in. Each state is a record in a file of its own: it has the data
 * of that state, and says what each event leads to. The few events that many states treat alike are
 * here, in {@code otherwise}. Immutable, but for the {@link Arrival} and the leases.
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

    /** Delay after which a sender that is told BUSY may offer again. */
    int BUSY_MS = 5;

    /** The transfer. */
    TransferId id();

    /** The session that it counts for. */
    default Optional<Session> session() {
        return Optional.empty();
    }

    /** True if its time is over. */
    default boolean due(long nowNs) {
        return false;
    }

    /** Step on an event. */
    Step on(ReceiveEvent event);

    /** Step on an event that the state doesn't mention: none, if the event can happen there. */
    default Step otherwise(ReceiveEvent event) {
        if (event instanceof ReceiveEvent.Answer) {
            String name = event.getClass().getSimpleName();
            throw new IllegalStateException(summary() + " event=" + name + " is no legal pair");
        }
        return Step.to(this);
    }

    /** The state in a few words. */
    default String summary() {
        return "transfer=" + id() + " state=" + getClass().getSimpleName();
    }

    /** Tells a peer that there is nothing for it here. */
    default ReceiveEffect cancel(Session to, Expectation.Failed why) {
        return new ReceiveEffect.Send(to, new Frame.Cancel(id(), why.error(), why.detail()));
    }

    /** Asks a peer to offer it again a little later. */
    default ReceiveEffect busy(Session to) {
        return new ReceiveEffect.Send(to, new Frame.Busy(id(), BUSY_MS));
    }

    /** A transfer that hasn't ended. */
    sealed interface Known extends Receipt permits Unheard, Timed, Ticketed, Failed {

        /** The transfer. */
        Subject subject();

        @Override
        default TransferId id() {
            return subject().id();
        }

        /** Refuses a second request and an offer; the offer harms nobody but its sender. */
        @Override
        default Step otherwise(ReceiveEvent event) {
            if (event instanceof ReceiveEvent.Asked asked) {
                String detail = "transfer=" + id() + " belongs to another request";
                Expectation.Failed refused = new Expectation.Failed(KvError.BAD_ROUTE, detail);
                return Step.to(this, new ReceiveEffect.Tell(asked.request(), refused));
            } else if (event instanceof ReceiveEvent.Offered offered) {
                return Step.to(this, cancel(offered.by(), refusal(offered)));
            }
            return Receipt.super.otherwise(event);
        }

        /** Reason for refusing an offer. */
        default Expectation.Failed refusal(ReceiveEvent.Offered offered) {
            String detail = "the offer doesn't fit " + summary();
            return subject()
                    .misfit(offered)
                    .orElseGet(() -> new Expectation.Failed(KvError.MALFORMED_FRAME, detail));
        }
    }

    /** A state that ends at its deadline, whatever else happens. */
    sealed interface Timed extends Known permits Unfinished, Unclaimed {
        /** Time at which it ends. */
        long deadlineNs();

        @Override
        default boolean due(long nowNs) {
            return nowNs - deadlineNs() >= 0;
        }
    }

    /** A state in which memory is leased under a ticket. */
    sealed interface Ticketed extends Known
            permits Arriving, Unattached, Unclaimed, Loaded, Draining, Spoiled {
        /** The ticket. */
        Ticket ticket();

        @Override
        default Optional<Session> session() {
            return Optional.of(ticket().session());
        }
    }

    /** A state that may still fail. */
    sealed interface Unfinished extends Timed
            permits Calling, Called, Deferred, Arriving, Unattached {

        /** Request that waits for it. */
        Claim claim();

        /** Peers that hear if it fails here. */
        List<Session> peers();

        /** Fails the transfer, with the claim as it is by then; these peers are told. */
        Step fail(Claim left, Expectation.Failed why, long nowNs, List<Session> told);

        /** Fails the transfer if its request lets go, its time is over, or the connector closes. */
        @Override
        default Step otherwise(ReceiveEvent event) {
            if (event instanceof ReceiveEvent.Released released) {
                return claim().by(released.request())
                        ? fail(
                                new Claim.Nobody(),
                                KvError.CANCELLED,
                                "the consumer gave the request up",
                                event)
                        : Step.to(this);
            } else if (event instanceof ReceiveEvent.DeadlinePassed) {
                return fail(claim(), KvError.DEADLINE, summary() + "; its time is over", event);
            } else if (event instanceof ReceiveEvent.Closed) {
                Step failed = fail(claim(), KvError.CLOSED, "this connector is closing", event);
                return failed.then(failed.next().on(event));
            }
            return Timed.super.otherwise(event);
        }

        private Step fail(Claim left, KvError error, String detail, ReceiveEvent event) {
            return fail(left, new Expectation.Failed(error, detail), event.at().nowNs(), peers());
        }

        /** Fails the transfer; whoever says so knows. */
        default Step fail(ReceiveEvent.Loss loss) {
            return fail(claim(), loss.why(), loss.at().nowNs(), List.of());
        }
    }

    /** A state in which the device may write. */
    sealed interface Arriving extends Unfinished, Ticketed permits Standing, Recalled, Granted {

        /** Bytes on their way. */
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
}
