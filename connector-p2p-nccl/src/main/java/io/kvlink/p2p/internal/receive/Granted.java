// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.session.Session;
import io.kvlink.spi.KvError;
import java.util.List;

/**
 * A ticket for all layers has answered an offer. The device may write, and the request may read if
 * all is computed.
 *
 * @param delivery what is on its way
 */
record Granted(Delivery delivery) implements Receipt.Arriving {

    @Override
    public List<Session> peers() {
        return List.of(ticket().session());
    }

    @Override
    public Step fail(Claim left, Expectation.Failed why, Moment at, List<Session> told) {
        return delivery.fail(left, why, at).tell(told).recalls(ticket());
    }

    @Override
    public Step on(ReceiveEvent.GrantLost lost) {
        String detail = "GRANT could not be queued; " + ticket().session();
        return fail(
                claim(), new Expectation.Failed(KvError.PEER_LOST, detail), lost.at(), List.of());
    }

    @Override
    public Step on(ReceiveEvent.Asked asked) {
        if (claim().request().isPresent()) {
            return belongsToAnother(asked);
        }
        Delivery claimed = delivery.claimed(asked);
        return subject()
                .misfit(asked)
                .map(why -> fail(claimed.claim(), why, asked.at(), peers()))
                .orElseGet(() -> claimed.publish(Granted::new));
    }

    /** The offer was answered; a second one is a defect of its sender. */
    @Override
    public Step on(ReceiveEvent.Offered offered) {
        Expectation.Failed why = refusal(offered);
        return offered.by().equals(ticket().session())
                ? fail(claim(), why, offered.at(), peers())
                : Step.to(this, cancel(offered.by(), why));
    }

    @Override
    public Step on(ReceiveEvent.Saved saved) {
        return delivery.saved(saved).publish(Granted::new);
    }

    @Override
    public Step on(ReceiveEvent.Attached attached) {
        return delivery.attached(attached).publish(Granted::new);
    }

    @Override
    public Step on(ReceiveEvent.Cancelled cancelled) {
        return cancelled.by().equals(ticket().session())
                ? fail(claim(), cancelled.why(), cancelled.at(), List.of())
                : Step.to(this);
    }

    @Override
    public Step on(ReceiveEvent.SessionEnded ended) {
        return ended.session().equals(ticket().session())
                ? fail(claim(), ended.why(), ended.at(), List.of())
                : Step.to(this);
    }

    /** The time runs anew: the sender may still have to compute the next chunk. */
    @Override
    public Step on(ReceiveEvent.ChunkReceived chunk) {
        return Step.to(new Granted(delivery.until(chunk.at().requestUntilNs())));
    }

    @Override
    public Step on(ReceiveEvent.Received received) {
        return delivery.received(received.at());
    }

    @Override
    public Step on(ReceiveEvent.ReceiveFailed failed) {
        return delivery.failed(failed).tell(peers()).frees(ticket());
    }
}
