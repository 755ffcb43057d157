// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.arrival.Expectation;
import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.p2p.internal.receive.ReceiveMachine.Step;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.function.Function;

/**
 * Bytes on their way under a ticket: the data of the states in which a device may write.
 *
 * @param computed the sender's word that all of the ticket is computed, once it has come
 */
record Delivery(
        Subject subject, Ticket ticket, Claim claim, Optional<Computed> computed, long deadlineNs) {

    /** Word that all is computed, and that this goes with it. */
    record Computed(Optional<ByteBuffer> attachment) {}

    /** Delivery under a new ticket. */
    static Delivery begin(
            Subject subject, Ticket ticket, Claim claim, ReceiveEvent.Moment at, long deadlineNs) {
        long untilNs = deadlineNs + skippedNs(ticket, at);
        return new Delivery(subject, ticket, claim, Optional.empty(), untilNs);
    }

    // The sender may still have to compute the chunks that no window needs. Each has its time.
    private static long skippedNs(Ticket ticket, ReceiveEvent.Moment at) {
        return ticket.chunks().skipped() * (at.requestUntilNs() - at.nowNs());
    }

    Delivery claimed(ReceiveEvent.Asked asked) {
        Claim claimed = new Claim.Claimed(asked.request());
        long untilNs = asked.at().requestUntilNs() + skippedNs(ticket, asked.at());
        return new Delivery(subject, ticket, claimed, computed, untilNs);
    }

    /** The time runs anew: the sender may still have to compute the next chunk. */
    Delivery renewed(ReceiveEvent.ChunkReceived chunk) {
        return new Delivery(subject, ticket, claim, computed, chunk.at().requestUntilNs());
    }

    /** The word for a ticket without a tail. */
    Delivery saved(ReceiveEvent.Saved saved) {
        boolean meant = saved.by().equals(ticket.session()) && !ticket.tail();
        return meant ? computed(Optional.empty()) : this;
    }

    /** The word for a ticket with a tail; only the first one counts. */
    Delivery attached(ReceiveEvent.Attached attached) {
        boolean meant = ticket.isFor(attached) && computed.isEmpty();
        return meant ? computed(attached.content()) : this;
    }

    private Delivery computed(Optional<ByteBuffer> attachment) {
        Optional<Computed> word = Optional.of(new Computed(attachment));
        return new Delivery(subject, ticket, claim, word, deadlineNs);
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

    /** Takes the last byte; what the sender attaches may be missing. */
    Step received(ReceiveEvent.Received received) {
        return ticket.tail() && computed.isEmpty()
                ? Step.to(new Unattached(subject, ticket, claim, deadlineNs))
                : complete(received);
    }

    /** Ends the wait: nothing more will come. */
    Step complete(ReceiveEvent last) {
        return complete(subject, ticket, claim, computed.flatMap(Computed::attachment), last);
    }

    /** Ends the wait. The request hears first: the sender is in less of a hurry. */
    static Step complete(
            Subject subject,
            Ticket ticket,
            Claim claim,
            Optional<ByteBuffer> attachment,
            ReceiveEvent last) {
        ReceiveEffect done =
                new ReceiveEffect.Send(
                        ticket.session(), new Frame.Done(subject.id(), ticket.number()));
        if (claim instanceof Claim.Claimed claimed) {
            Loaded loaded = new Loaded(subject, ticket, claimed.held());
            return Step.to(loaded, ticket.ready(subject, claimed.held(), attachment), done);
        } else if (claim instanceof Claim.Reading reading) {
            return Step.to(new Loaded(subject, ticket, reading.reader()), done);
        }
        long untilNs = last.at().unclaimedUntilNs();
        return Step.to(new Unclaimed(subject, ticket, attachment, untilNs), done);
    }

    /** Failure before the device has said what is here. */
    Failure failure(Claim left, Expectation.Failed why, long nowNs) {
        return Failure.of(subject, left, why, nowNs, ticket, 0);
    }

    /** Failure that the device has reported. */
    Failure failure(ReceiveEvent.ReceiveFailed failed) {
        long nowNs = failed.at().nowNs();
        return Failure.of(subject, claim, failed.why(), nowNs, ticket, failed.bytes());
    }
}
