// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.control.Frame;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.function.Function;

/**
 * Part that the states share in which a device may write under a ticket.
 *
 * @param subject the transfer
 * @param ticket the ticket
 * @param claim its request
 * @param computed what the sender said when all was computed; empty before
 * @param deadlineNs how long it may take
 */
record Delivery(
        Subject subject, Ticket ticket, Claim claim, Optional<Computed> computed, long deadlineNs) {

    /**
     * Word of the sender that all of the ticket is computed.
     *
     * @param attachment what goes with it, if anything does
     */
    record Computed(Optional<ByteBuffer> attachment) {}

    Delivery until(long nextDeadlineNs) {
        return new Delivery(subject, ticket, claim, computed, nextDeadlineNs);
    }

    Delivery claimed(ReceiveEvent.Asked asked) {
        Claim claimed = new Claim.Claimed(asked.request());
        return new Delivery(subject, ticket, claimed, computed, asked.at().requestUntilNs());
    }

    /** Takes the word for a ticket without a tail. */
    Delivery saved(ReceiveEvent.Saved saved) {
        return saved.by().equals(ticket.session()) && !ticket.tail()
                ? computed(Optional.empty())
                : this;
    }

    /** Takes the first word for this ticket, if it has a tail. */
    Delivery attached(ReceiveEvent.Attached attached) {
        return ticket.isFor(attached) && computed.isEmpty() ? computed(attached.content()) : this;
    }

    private Delivery computed(Optional<ByteBuffer> attachment) {
        return new Delivery(
                subject, ticket, claim, Optional.of(new Computed(attachment)), deadlineNs);
    }

    /** Lets the request read, if all is computed and comes as fast as the wire allows. */
    Step publish(Function<Delivery, Receipt> state) {
        if (claim instanceof Claim.Claimed claimed
                && computed.isPresent()
                && ticket.arrivesSoon()) {
            Claim reading = new Claim.Reading(claimed.held());
            return Step.to(
                    state.apply(new Delivery(subject, ticket, reading, computed, deadlineNs)),
                    ticket.ready(subject, claimed.held(), computed.get().attachment()));
        }
        return Step.to(state.apply(this));
    }

    /** All bytes are here; what the sender attaches may not be. */
    Step received(Moment at) {
        return ticket.tail() && computed.isEmpty()
                ? Step.to(new Unattached(subject, ticket, claim, deadlineNs))
                : complete(at);
    }

    /** All that will come is here. */
    Step complete(Moment at) {
        return complete(
                subject,
                ticket,
                claim,
                computed.flatMap(Computed::attachment),
                at.unclaimedUntilNs());
    }

    /** All that will come is here: the request reads it, and the sender hears after that. */
    static Step complete(
            Subject subject,
            Ticket ticket,
            Claim claim,
            Optional<ByteBuffer> attachment,
            long unclaimedUntilNs) {
        ReceiveEffect done =
                new ReceiveEffect.Send(
                        ticket.session(), new Frame.Done(subject.id(), ticket.number()));
        if (claim instanceof Claim.Claimed claimed) {
            Loaded loaded = new Loaded(subject, ticket, claimed.held());
            return Step.to(loaded, ticket.ready(subject, claimed.held(), attachment), done);
        }
        return Step.to(
                claim.request()
                        .<Receipt>map(reader -> new Loaded(subject, ticket, reader))
                        .orElseGet(
                                () -> new Unclaimed(subject, ticket, attachment, unclaimedUntilNs)),
                done);
    }

    /** The device has let go of it before all bytes came. */
    Failure failed(ReceiveEvent.ReceiveFailed failed) {
        return Failure.of(subject, claim, failed.why(), failed.at(), ticket, failed.bytes());
    }

    /** It fails before the device has said what is here. */
    Failure fail(Claim left, Expectation.Failed why, Moment at) {
        return Failure.of(subject, left, why, at, ticket, 0);
    }
}
