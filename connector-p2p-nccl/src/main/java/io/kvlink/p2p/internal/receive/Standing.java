// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.arrival.Expectation;
import io.kvlink.p2p.internal.receive.ReceiveMachine.Step;
import io.kvlink.p2p.internal.session.Session;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Standing grant: a ticket for all layers that went along with the call. Its sender may not have
 * begun. The device may write, and the request may read if all is computed.
 *
 * @param crossing where the sender offered what it will send under the ticket, if it did
 */
record Standing(Delivery delivery, Optional<Session> crossing) implements Receipt.Arriving {

    @Override
    public List<Session> peers() {
        return Stream.concat(session().stream(), crossing.stream()).toList();
    }

    @Override
    public Step fail(Claim left, Expectation.Failed why, long nowNs, List<Session> told) {
        return delivery.failure(left, why, nowNs).tell(told).recalls(ticket());
    }

    @Override
    public Step on(ReceiveEvent event) {
        if (event instanceof ReceiveEvent.Offered offered
                && offered.by().samePeer(ticket().session())) {
            return cross(offered);
        } else if (event instanceof ReceiveEvent.Saved saved) {
            return delivery.saved(saved).publish(this::with);
        } else if (event instanceof ReceiveEvent.Attached attached) {
            return delivery.attached(attached).publish(this::with);
        } else if (event instanceof ReceiveEvent.SessionEnded ended
                && ended.session().equals(ticket().session())
                && claim() instanceof Claim.Claimed claimed) {
            // Perhaps the sender restarted before it had begun: then the new one will.
            return Step.to(
                    new Recalled(delivery, claimed.held(), crossing),
                    new ReceiveEffect.CancelReceive(ticket()));
        } else if (event instanceof ReceiveEvent.Loss loss
                && loss.session().equals(ticket().session())) {
            return fail(loss);
        } else if (event instanceof ReceiveEvent.ChunkReceived chunk) {
            return Step.to(with(delivery.renewed(chunk)));
        } else if (event instanceof ReceiveEvent.Received received) {
            return delivery.received(received);
        } else if (event instanceof ReceiveEvent.ReceiveFailed failed) {
            return failed.bytes() == 0 && claim() instanceof Claim.Claimed claimed
                    ? askAgain(claimed.held())
                    : delivery.failure(failed).tell(peers()).frees(ticket());
        }
        return otherwise(event);
    }

    private Receipt with(Delivery next) {
        return new Standing(next, crossing);
    }

    // The offer crossed the call; what it offers will be sent under the ticket.
    private Step cross(ReceiveEvent.Offered offered) {
        if (subject().samePrompt(offered)) {
            return Step.to(new Standing(delivery, Optional.of(offered.by())));
        }
        boolean alone = offered.by().equals(ticket().session());
        Stream<Session> others = alone ? Stream.of() : peers().stream();
        List<Session> told = Stream.concat(Stream.of(offered.by()), others).toList();
        return fail(claim(), refusal(offered), offered.at().nowNs(), told);
    }

    // Nothing came under the ticket, and nothing will: perhaps the sender hasn't begun. One that
    // has gives up when it is asked without a ticket.
    private Step askAgain(Expectation request) {
        Session call = ticket().session();
        return Step.to(
                        new Called(subject(), request, call, ticket().startedNs(), deadlineNs()),
                        new ReceiveEffect.CloseLeases(ticket()))
                .and(crossing.map(this::busy))
                .and(new ReceiveEffect.SendFetch(subject(), call, Optional.empty()));
    }
}
