// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.arrival.Expectation;
import io.kvlink.p2p.internal.receive.ReceiveMachine.Step;
import io.kvlink.p2p.internal.session.Session;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvRequest;
import java.util.List;
import java.util.Optional;

/**
 * Offer without memory: room is being looked for, or the sender was told BUSY and offers again.
 * Only that session's offers are taken. The request, if there is one, reads nothing.
 */
record Deferred(Subject subject, Claim claim, Session by, long startedNs, long deadlineNs)
        implements Receipt.Unfinished {

    @Override
    public Optional<Session> session() {
        return Optional.of(by);
    }

    @Override
    public List<Session> peers() {
        return List.of(by);
    }

    @Override
    public Step fail(Claim left, Expectation.Failed why, long nowNs, List<Session> told) {
        return Failure.of(subject, left, why, nowNs - startedNs).tell(told).ends();
    }

    /** Takes the first offer of a transfer if it fits; if not, it fails, and these are told. */
    Step take(ReceiveEvent.Offered offered, List<Session> told) {
        long nowNs = offered.at().nowNs();
        return subject.misfit(offered)
                .map(why -> fail(claim, why, nowNs, told))
                .orElseGet(
                        () -> new Deferred(subject, claim, by, nowNs, deadlineNs).reserve(offered));
    }

    private Step reserve(ReceiveEvent.Offered offered) {
        boolean wanted =
                claim.request().map(Expectation::request).map(KvRequest::attachment).orElse(true);
        return Step.to(
                this, new ReceiveEffect.Reserve(subject, by, offered.tail() && wanted, startedNs));
    }

    @Override
    public Step on(ReceiveEvent event) {
        if (event instanceof ReceiveEvent.Asked asked && claim.request().isEmpty()) {
            return asked(asked);
        } else if (event instanceof ReceiveEvent.Offered offered && offered.by().equals(by)) {
            return subject.misfit(offered)
                    .map(why -> fail(claim, why, offered.at().nowNs(), peers()))
                    .orElseGet(() -> reserve(offered));
        } else if (event instanceof ReceiveEvent.Reserved reserved) {
            return grant(reserved);
        } else if (event instanceof ReceiveEvent.NoRoom) {
            return Step.to(this, busy(by));
        } else if (event instanceof ReceiveEvent.TooLarge tooLarge) {
            Expectation.Failed why = new Expectation.Failed(KvError.TOO_LARGE, tooLarge.detail());
            return fail(claim, why, tooLarge.at().nowNs(), peers());
        } else if (event instanceof ReceiveEvent.Loss loss && loss.session().equals(by)) {
            return fail(loss);
        }
        return otherwise(event);
    }

    private Step asked(ReceiveEvent.Asked asked) {
        Claim claimed = new Claim.Claimed(asked.request());
        ReceiveEvent.Moment at = asked.at();
        return subject.misfit(asked)
                .map(why -> fail(claimed, why, at.nowNs(), peers()))
                .orElseGet(
                        () ->
                                Step.to(
                                        new Deferred(
                                                subject,
                                                claimed,
                                                by,
                                                startedNs,
                                                at.requestUntilNs())));
    }

    private Step grant(ReceiveEvent.Reserved reserved) {
        Ticket ticket = reserved.ticket();
        return Step.to(
                new Granted(Delivery.begin(subject, ticket, claim, reserved.at(), deadlineNs)),
                new ReceiveEffect.Post(subject, ticket),
                new ReceiveEffect.SendGrant(subject, ticket));
    }
}
