// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.arrival.Expectation;
import io.kvlink.p2p.internal.receive.ReceiveMachine.Step;
import io.kvlink.p2p.internal.session.Session;
import io.kvlink.spi.HostPort;
import java.util.List;

/** Wait of a request whose prefill instance is being dialled. Nothing is leased. */
record Calling(
        Subject subject, Expectation request, HostPort prefill, long startedNs, long deadlineNs)
        implements Receipt.Unfinished {

    static Step enter(Subject subject, Expectation request, long startedNs, long deadlineNs) {
        HostPort prefill = request.source();
        return Step.to(
                new Calling(subject, request, prefill, startedNs, deadlineNs),
                new ReceiveEffect.Dial(subject.id(), prefill));
    }

    @Override
    public Claim claim() {
        return new Claim.Claimed(request);
    }

    @Override
    public List<Session> peers() {
        return List.of();
    }

    @Override
    public Step fail(Claim left, Expectation.Failed why, long nowNs, List<Session> told) {
        return Failure.of(subject, left, why, nowNs - startedNs).tell(told).ends();
    }

    @Override
    public Step on(ReceiveEvent event) {
        if (event instanceof ReceiveEvent.CallOpened opened && opened.call().dialledTo(prefill)) {
            return Step.to(
                    new Called(subject, request, opened.call(), startedNs, deadlineNs),
                    new ReceiveEffect.ReserveAhead(
                            subject, opened.call(), request.request().attachment()));
        } else if (event instanceof ReceiveEvent.SessionEnded ended
                && ended.session().dialledTo(prefill)) {
            return ended.session().unansweredBefore(startedNs)
                    ? Step.to(this, new ReceiveEffect.Dial(subject.id(), prefill))
                    : fail(ended);
        } else if (event instanceof ReceiveEvent.Offered offered) {
            return new Deferred(subject, claim(), offered.by(), startedNs, deadlineNs)
                    .take(offered, List.of(offered.by()));
        }
        return otherwise(event);
    }
}
