// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.arrival.Expectation;
import io.kvlink.p2p.internal.receive.ReceiveMachine.Step;
import io.kvlink.p2p.internal.session.Session;
import java.util.List;

/**
 * Grant for an offer: a ticket for all layers. The device may write, and the request, if there is
 * one, may read if all is computed.
 */
record Granted(Delivery delivery) implements Receipt.Arriving {

    @Override
    public List<Session> peers() {
        return List.of(ticket().session());
    }

    @Override
    public Step fail(Claim left, Expectation.Failed why, long nowNs, List<Session> told) {
        return delivery.failure(left, why, nowNs).tell(told).recalls(ticket());
    }

    @Override
    public Step on(ReceiveEvent event) {
        if (event instanceof ReceiveEvent.Asked asked && claim().request().isEmpty()) {
            Delivery claimed = delivery.claimed(asked);
            return subject()
                    .misfit(asked)
                    .map(why -> fail(claimed.claim(), why, asked.at().nowNs(), peers()))
                    .orElseGet(() -> claimed.publish(Granted::new));
        } else if (event instanceof ReceiveEvent.Offered offered
                && offered.by().equals(ticket().session())) {
            // Its first offer was answered.
            return fail(claim(), refusal(offered), offered.at().nowNs(), peers());
        } else if (event instanceof ReceiveEvent.Saved saved) {
            return delivery.saved(saved).publish(Granted::new);
        } else if (event instanceof ReceiveEvent.Attached attached) {
            return delivery.attached(attached).publish(Granted::new);
        } else if (event instanceof ReceiveEvent.Loss loss
                && loss.session().equals(ticket().session())) {
            return fail(loss);
        } else if (event instanceof ReceiveEvent.GrantLost lost) {
            return fail(claim(), lost.why(), lost.at().nowNs(), List.of());
        } else if (event instanceof ReceiveEvent.ChunkReceived chunk) {
            return Step.to(new Granted(delivery.renewed(chunk)));
        } else if (event instanceof ReceiveEvent.Received received) {
            return delivery.received(received);
        } else if (event instanceof ReceiveEvent.ReceiveFailed failed) {
            return delivery.failure(failed).tell(peers()).frees(ticket());
        }
        return otherwise(event);
    }
}
