// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.arrival.Expectation;
import io.kvlink.p2p.internal.receive.ReceiveMachine.Step;
import io.kvlink.p2p.internal.session.Session;
import java.util.List;
import java.util.Optional;

/**
 * Standing grant whose session is over: the ticket is worth nothing any more. The device may still
 * write, and was told to let go; then the prefill instance is called anew. The request reads
 * nothing.
 *
 * @param crossing where the sender offered it, too, if it did
 */
record Recalled(Delivery delivery, Expectation request, Optional<Session> crossing)
        implements Receipt.Arriving {

    @Override
    public List<Session> peers() {
        return crossing.stream().toList();
    }

    @Override
    public Step fail(Claim left, Expectation.Failed why, long nowNs, List<Session> told) {
        return delivery.failure(left, why, nowNs).tell(told).drains(ticket());
    }

    @Override
    public Step on(ReceiveEvent event) {
        if (event instanceof ReceiveEvent.Offered offered && subject().samePrompt(offered)) {
            return Step.to(this, busy(offered.by()));
        } else if (event instanceof ReceiveEvent.ChunkReceived chunk) {
            return Step.to(new Recalled(delivery.renewed(chunk), request, crossing));
        } else if (event instanceof ReceiveEvent.Received received) {
            return delivery.complete(received); // Nobody is left who could attach anything.
        } else if (event instanceof ReceiveEvent.ReceiveFailed failed) {
            return failed.bytes() == 0
                    ? callAnew()
                    : delivery.failure(failed).tell(peers()).frees(ticket());
        }
        return otherwise(event);
    }

    private Step callAnew() {
        return Step.to(this, new ReceiveEffect.CloseLeases(ticket()))
                .and(crossing.map(this::busy))
                .then(Calling.enter(subject(), request, ticket().startedNs(), deadlineNs()));
    }
}
