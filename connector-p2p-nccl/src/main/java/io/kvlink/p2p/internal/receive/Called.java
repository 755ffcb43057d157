// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.session.Session;
import java.util.List;
import java.util.Optional;

/**
 * A request waits, and the prefill instance has been asked, or is about to be. Nothing is leased.
 *
 * @param subject the transfer
 * @param request waits for it
 * @param call the session that was dialled for it
 * @param startedNs when it began, for the figures
 * @param deadlineNs how long the request waits
 */
record Called(Subject subject, Expectation request, Session call, long startedNs, long deadlineNs)
        implements Receipt.Unfinished {

    @Override
    public Optional<Session> session() {
        return Optional.of(call);
    }

    @Override
    public Claim claim() {
        return new Claim.Claimed(request);
    }

    @Override
    public List<Session> peers() {
        return List.of(call);
    }

    @Override
    public Step fail(Claim left, Expectation.Failed why, Moment at, List<Session> told) {
        return Failure.of(subject, left, why, at, startedNs).tell(told).ends();
    }

    @Override
    public Step on(ReceiveEvent.Reserved reserved) {
        Ticket ticket = reserved.ticket();
        return Step.to(
                new Standing(
                        new Delivery(subject, ticket, claim(), Optional.empty(), deadlineNs),
                        Optional.empty()),
                new ReceiveEffect.Post(subject, ticket),
                new ReceiveEffect.SendFetch(subject, call, Optional.of(ticket)));
    }

    @Override
    public Step on(ReceiveEvent.NoRoom noRoom) {
        return Step.to(this, new ReceiveEffect.SendFetch(subject, call, Optional.empty()));
    }

    @Override
    public Step on(ReceiveEvent.Offered offered) {
        return Deferred.enter(
                subject, claim(), offered, List.of(offered.by(), call), startedNs, deadlineNs);
    }

    @Override
    public Step on(ReceiveEvent.Cancelled cancelled) {
        return cancelled.by().equals(call)
                ? fail(claim(), cancelled.why(), cancelled.at(), List.of())
                : Step.to(this);
    }

    /** Perhaps the prefill instance has restarted: then the new one is asked. */
    @Override
    public Step on(ReceiveEvent.SessionEnded ended) {
        return ended.session().equals(call)
                ? Calling.enter(subject, request, startedNs, deadlineNs)
                : Step.to(this);
    }
}
