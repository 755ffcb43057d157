// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.session.Session;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;

/**
 * All bytes are here, and only what the sender attaches isn't known. Whatever happens to the sender
 * now, the bytes are worth as much as ever. The device has let go; nobody reads.
 *
 * @param subject the transfer
 * @param ticket the ticket
 * @param claim its request; reads nothing
 * @param deadlineNs how long the attachment is waited for
 */
record Unattached(Subject subject, Ticket ticket, Claim claim, long deadlineNs)
        implements Receipt.Unfinished, Receipt.Ticketed {

    @Override
    public List<Session> peers() {
        return List.of(ticket.session());
    }

    @Override
    public Step fail(Claim left, Expectation.Failed why, Moment at, List<Session> told) {
        return Failure.of(subject, left, why, at, ticket, ticket.bytes()).tell(told).frees(ticket);
    }

    @Override
    public Step on(ReceiveEvent.Asked asked) {
        if (claim.request().isPresent()) {
            return belongsToAnother(asked);
        }
        Claim claimed = new Claim.Claimed(asked.request());
        long untilNs = asked.at().requestUntilNs();
        return subject.misfit(asked)
                .map(why -> fail(claimed, why, asked.at(), peers()))
                .orElseGet(() -> Step.to(new Unattached(subject, ticket, claimed, untilNs)));
    }

    /** An offer that crossed the call may be late; its sender has sent all. */
    @Override
    public Step on(ReceiveEvent.Offered offered) {
        return offered.by().samePeer(ticket.session()) && subject.samePrompt(offered)
                ? Step.to(this)
                : Step.to(this, cancel(offered.by(), refusal(offered)));
    }

    @Override
    public Step on(ReceiveEvent.Attached attached) {
        return ticket.isFor(attached) ? complete(attached.content(), attached.at()) : Step.to(this);
    }

    @Override
    public Step on(ReceiveEvent.Cancelled cancelled) {
        return cancelled.by().equals(ticket.session())
                ? complete(Optional.empty(), cancelled.at())
                : Step.to(this);
    }

    @Override
    public Step on(ReceiveEvent.SessionEnded ended) {
        return ended.session().equals(ticket.session())
                ? complete(Optional.empty(), ended.at())
                : Step.to(this);
    }

    @Override
    public Step on(ReceiveEvent.DeadlinePassed passed) {
        return complete(Optional.empty(), passed.at());
    }

    private Step complete(Optional<ByteBuffer> attachment, Moment at) {
        return Delivery.complete(subject, ticket, claim, attachment, at.unclaimedUntilNs());
    }
}
