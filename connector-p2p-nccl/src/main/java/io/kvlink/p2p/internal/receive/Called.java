// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.arrival.Expectation;
import io.kvlink.p2p.internal.receive.ReceiveMachine.Step;
import io.kvlink.p2p.internal.session.Session;
import java.util.List;
import java.util.Optional;

/**
 * Wait of a request whose prefill instance has been asked without a grant, or is about to be asked.
 * Nothing is leased.
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
    public Step fail(Claim left, Expectation.Failed why, long nowNs, List<Session> told) {
        return Failure.of(subject, left, why, nowNs - startedNs).tell(told).ends();
    }

    @Override
    public Step on(ReceiveEvent event) {
        if (event instanceof ReceiveEvent.Reserved reserved) {
            return stand(reserved);
        } else if (event instanceof ReceiveEvent.NoRoom) {
            return Step.to(this, new ReceiveEffect.SendFetch(subject, call, Optional.empty()));
        } else if (event instanceof ReceiveEvent.Offered offered) {
            return new Deferred(subject, claim(), offered.by(), startedNs, deadlineNs)
                    .take(offered, List.of(offered.by(), call));
        } else if (event instanceof ReceiveEvent.Cancelled told && told.session().equals(call)) {
            return fail(told);
        } else if (event instanceof ReceiveEvent.SessionEnded end && end.session().equals(call)) {
            // Perhaps the prefill instance has restarted: then the new one is asked.
            return Calling.enter(subject, request, startedNs, deadlineNs);
        }
        return otherwise(event);
    }

    private Step stand(ReceiveEvent.Reserved reserved) {
        Ticket ticket = reserved.ticket();
        return Step.to(
                new Standing(
                        Delivery.begin(subject, ticket, claim(), reserved.at(), deadlineNs),
                        Optional.empty()),
                new ReceiveEffect.Post(subject, ticket),
                new ReceiveEffect.SendFetch(subject, call, Optional.of(ticket)));
    }
}
