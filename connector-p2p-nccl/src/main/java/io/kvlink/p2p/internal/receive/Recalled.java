// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.session.Session;
import java.util.List;
import java.util.Optional;

/**
 * The session of a standing grant has ended, and the ticket is worth nothing any more. The device
 * may still write, and was told to let go. Then the prefill instance is called anew.
 *
 * @param delivery what was on its way
 * @param request waits, and reads nothing
 * @param crossing where the sender offered it, too, if it did
 */
record Recalled(Delivery delivery, Expectation request, Optional<Session> crossing)
        implements Receipt.Arriving {

    @Override
    public List<Session> peers() {
        return crossing.stream().toList();
    }

    @Override
    public Step fail(Claim left, Expectation.Failed why, Moment at, List<Session> told) {
        return delivery.fail(left, why, at).tell(told).drains(ticket());
    }

    @Override
    public Step on(ReceiveEvent.Offered offered) {
        return Step.to(
                this,
                subject().samePrompt(offered)
                        ? busy(offered.by())
                        : cancel(offered.by(), refusal(offered)));
    }

    @Override
    public Step on(ReceiveEvent.ChunkReceived chunk) {
        long untilNs = chunk.at().requestUntilNs();
        return Step.to(new Recalled(delivery.until(untilNs), request, crossing));
    }

    /** All bytes came after all. Nobody is left who could attach anything. */
    @Override
    public Step on(ReceiveEvent.Received received) {
        return delivery.complete(received.at());
    }

    @Override
    public Step on(ReceiveEvent.ReceiveFailed failed) {
        if (failed.bytes() > 0) {
            return delivery.failed(failed).tell(peers()).frees(ticket());
        }
        Step again = Calling.enter(subject(), request, ticket().startedNs(), deadlineNs());
        return Step.to(this, new ReceiveEffect.CloseLeases(ticket()))
                .and(crossing.map(by -> busy(by)))
                .then(again);
    }
}
