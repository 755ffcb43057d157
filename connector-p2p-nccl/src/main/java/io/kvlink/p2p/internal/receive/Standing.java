// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.session.Session;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A standing grant is out: a ticket for all layers went along with the call. The sender may not
 * have begun. The device may write, and the request may read if all is computed.
 *
 * @param delivery what is on its way; it has a request
 * @param crossing where the sender offered what it will send under the ticket, if it did
 */
record Standing(Delivery delivery, Optional<Session> crossing) implements Receipt.Arriving {

    @Override
    public List<Session> peers() {
        List<Session> peers = new ArrayList<>(List.of(ticket().session()));
        crossing.ifPresent(peers::add);
        return peers;
    }

    @Override
    public Step fail(Claim left, Expectation.Failed why, Moment at, List<Session> told) {
        return delivery.fail(left, why, at).tell(told).recalls(ticket());
    }

    /**
     * An offer of the same start of the same peer crossed the call; it is answered by the ticket.
     */
    @Override
    public Step on(ReceiveEvent.Offered offered) {
        Session by = offered.by();
        boolean same = by.equals(ticket().session()) || by.samePeer(ticket().session());
        if (!same) {
            return Step.to(this, cancel(by, refusal(offered)));
        }
        if (subject().samePrompt(offered)) {
            return Step.to(new Standing(delivery, Optional.of(by)));
        }
        List<Session> told = new ArrayList<>(List.of(by));
        if (!by.equals(ticket().session())) {
            told.addAll(peers());
        }
        return fail(claim(), refusal(offered), offered.at(), told);
    }

    @Override
    public Step on(ReceiveEvent.Saved saved) {
        return delivery.saved(saved).publish(this::with);
    }

    @Override
    public Step on(ReceiveEvent.Attached attached) {
        return delivery.attached(attached).publish(this::with);
    }

    @Override
    public Step on(ReceiveEvent.Cancelled cancelled) {
        return cancelled.by().equals(ticket().session())
                ? fail(claim(), cancelled.why(), cancelled.at(), List.of())
                : Step.to(this);
    }

    /**
     * Perhaps the sender restarted before it had begun: then the new one will. A request that reads
     * can't wait for that.
     */
    @Override
    public Step on(ReceiveEvent.SessionEnded ended) {
        if (!ended.session().equals(ticket().session())) {
            return Step.to(this);
        }
        if (claim() instanceof Claim.Claimed claimed) {
            return Step.to(
                    new Recalled(delivery, claimed.held(), crossing),
                    new ReceiveEffect.CancelReceive(ticket()));
        }
        return fail(claim(), ended.why(), ended.at(), List.of());
    }

    /** The time runs anew: the sender may still have to compute the next chunk. */
    @Override
    public Step on(ReceiveEvent.ChunkReceived chunk) {
        return Step.to(with(delivery.until(chunk.at().requestUntilNs())));
    }

    @Override
    public Step on(ReceiveEvent.Received received) {
        return delivery.received(received.at());
    }

    /**
     * Nothing came under the ticket, and nothing will: perhaps the sender hasn't begun. It is asked
     * again without a ticket; one that has begun gives up when it hears that.
     */
    @Override
    public Step on(ReceiveEvent.ReceiveFailed failed) {
        if (failed.bytes() == 0 && claim() instanceof Claim.Claimed claimed) {
            Session call = ticket().session();
            Called again =
                    new Called(subject(), claimed.held(), call, ticket().startedNs(), deadlineNs());
            return Step.to(again, new ReceiveEffect.CloseLeases(ticket()))
                    .and(crossing.map(by -> busy(by)))
                    .and(new ReceiveEffect.SendFetch(subject(), call, Optional.empty()));
        }
        return delivery.failed(failed).tell(peers()).frees(ticket());
    }

    private Receipt with(Delivery next) {
        return new Standing(next, crossing);
    }
}
