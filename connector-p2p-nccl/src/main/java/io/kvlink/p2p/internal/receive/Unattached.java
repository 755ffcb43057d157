// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.arrival.Expectation;
import io.kvlink.p2p.internal.receive.ReceiveMachine.Step;
import io.kvlink.p2p.internal.session.Session;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;

/**
 * Transfer whose bytes are all here, and only what the sender attaches isn't known. The bytes are
 * worth as much as ever, whatever happens to the sender now. The device has let go; the request, if
 * there is one, reads nothing.
 */
record Unattached(Subject subject, Ticket ticket, Claim claim, long deadlineNs)
        implements Receipt.Unfinished, Receipt.Ticketed {

    @Override
    public List<Session> peers() {
        return List.of(ticket.session());
    }

    @Override
    public Step fail(Claim left, Expectation.Failed why, long nowNs, List<Session> told) {
        return Failure.of(subject, left, why, nowNs, ticket, ticket.bytes())
                .tell(told)
                .frees(ticket);
    }

    @Override
    public Step on(ReceiveEvent event) {
        if (event instanceof ReceiveEvent.Asked asked && claim.request().isEmpty()) {
            return asked(asked);
        } else if (event instanceof ReceiveEvent.Offered offered
                && offered.by().samePeer(ticket.session())
                && subject.samePrompt(offered)) {
            return Step.to(this); // It crossed the call, and its sender has sent all.
        } else if (event instanceof ReceiveEvent.Attached attached && ticket.isFor(attached)) {
            return complete(attached.content(), event);
        } else if (event instanceof ReceiveEvent.DeadlinePassed
                || (event instanceof ReceiveEvent.Loss loss
                        && loss.session().equals(ticket.session()))) {
            return complete(Optional.empty(), event);
        }
        return otherwise(event);
    }

    private Step asked(ReceiveEvent.Asked asked) {
        Claim claimed = new Claim.Claimed(asked.request());
        ReceiveEvent.Moment at = asked.at();
        return subject.misfit(asked)
                .map(why -> fail(claimed, why, at.nowNs(), peers()))
                .orElse(Step.to(new Unattached(subject, ticket, claimed, at.requestUntilNs())));
    }

    private Step complete(Optional<ByteBuffer> attachment, ReceiveEvent last) {
        return Delivery.complete(subject, ticket, claim, attachment, last);
    }
}
