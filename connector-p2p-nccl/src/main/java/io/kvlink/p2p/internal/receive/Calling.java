// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.session.Session;
import io.kvlink.spi.HostPort;
import java.util.List;

/**
 * A request waits, and its prefill instance is being called. Nothing is leased.
 *
 * @param subject the transfer
 * @param request waits for it
 * @param prefill the address that is dialled
 * @param startedNs when it began, for the figures
 * @param deadlineNs how long the request waits
 */
record Calling(
        Subject subject, Expectation request, HostPort prefill, long startedNs, long deadlineNs)
        implements Receipt.Unfinished {

    /** Calls the prefill instance that the request's route names. */
    static Step enter(Subject subject, Expectation request, long startedNs, long deadlineNs) {
        HostPort prefill = request.request().route().orElseThrow().prefill();
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
    public Step fail(Claim left, Expectation.Failed why, Moment at, List<Session> told) {
        return Failure.of(subject, left, why, at, startedNs).tell(told).ends();
    }

    @Override
    public Step on(ReceiveEvent.CallOpened opened) {
        if (!opened.call().dialledTo(prefill)) {
            return Step.to(this);
        }
        boolean tail = request.request().attachment();
        return Step.to(
                new Called(subject, request, opened.call(), startedNs, deadlineNs),
                new ReceiveEffect.ReserveAhead(subject, opened.call(), tail));
    }

    @Override
    public Step on(ReceiveEvent.SessionEnded ended) {
        return ended.session().dialledTo(prefill)
                ? fail(claim(), ended.why(), ended.at(), List.of())
                : Step.to(this);
    }

    @Override
    public Step on(ReceiveEvent.Offered offered) {
        return Deferred.enter(
                subject, claim(), offered, List.of(offered.by()), startedNs, deadlineNs);
    }
}
