// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.session.Session;
import io.kvlink.spi.KvError;
import java.util.List;
import java.util.Optional;

/**
 * An offer is here and memory isn't: it is being looked for, or the sender was told BUSY and will
 * offer again.
 *
 * @param subject the transfer
 * @param claim its request; reads nothing
 * @param by the session that the offer came through; no other one is taken
 * @param startedNs when it was offered, for the figures
 * @param deadlineNs how long it waits
 */
record Deferred(Subject subject, Claim claim, Session by, long startedNs, long deadlineNs)
        implements Receipt.Unfinished {

    /**
     * Takes the first offer of a transfer, if it fits.
     *
     * @param told peers that hear if it doesn't
     * @param startedNs when the transfer began, if it fails
     */
    static Step enter(
            Subject subject,
            Claim claim,
            ReceiveEvent.Offered offered,
            List<Session> told,
            long startedNs,
            long deadlineNs) {
        Optional<Expectation.Failed> misfit = subject.misfit(offered);
        if (misfit.isPresent()) {
            return Failure.of(subject, claim, misfit.get(), offered.at(), startedNs)
                    .tell(told)
                    .ends();
        }
        long nowNs = offered.at().nowNs();
        return new Deferred(subject, claim, offered.by(), nowNs, deadlineNs).reserve(offered);
    }

    @Override
    public Optional<Session> session() {
        return Optional.of(by);
    }

    @Override
    public List<Session> peers() {
        return List.of(by);
    }

    @Override
    public Step fail(Claim left, Expectation.Failed why, Moment at, List<Session> told) {
        return Failure.of(subject, left, why, at, startedNs).tell(told).ends();
    }

    @Override
    public Step on(ReceiveEvent.Asked asked) {
        if (claim.request().isPresent()) {
            return belongsToAnother(asked);
        }
        Claim claimed = new Claim.Claimed(asked.request());
        long untilNs = asked.at().requestUntilNs();
        return subject.misfit(asked)
                .map(why -> fail(claimed, why, asked.at(), peers()))
                .orElseGet(() -> Step.to(new Deferred(subject, claimed, by, startedNs, untilNs)));
    }

    @Override
    public Step on(ReceiveEvent.Offered offered) {
        if (!offered.by().equals(by)) {
            return Step.to(this, cancel(offered.by(), refusal(offered)));
        }
        return subject.misfit(offered)
                .map(why -> fail(claim, why, offered.at(), peers()))
                .orElseGet(() -> reserve(offered));
    }

    private Step reserve(ReceiveEvent.Offered offered) {
        boolean tail = offered.tail() && claim.wantsTail();
        return Step.to(this, new ReceiveEffect.Reserve(subject, by, tail, startedNs));
    }

    @Override
    public Step on(ReceiveEvent.Reserved reserved) {
        Ticket ticket = reserved.ticket();
        return Step.to(
                new Granted(new Delivery(subject, ticket, claim, Optional.empty(), deadlineNs)),
                new ReceiveEffect.Post(subject, ticket),
                new ReceiveEffect.SendGrant(subject, ticket));
    }

    @Override
    public Step on(ReceiveEvent.NoRoom noRoom) {
        return Step.to(this, busy(by));
    }

    @Override
    public Step on(ReceiveEvent.TooLarge tooLarge) {
        Expectation.Failed why = new Expectation.Failed(KvError.TOO_LARGE, tooLarge.detail());
        return fail(claim, why, tooLarge.at(), peers());
    }

    @Override
    public Step on(ReceiveEvent.Cancelled cancelled) {
        return cancelled.by().equals(by)
                ? fail(claim, cancelled.why(), cancelled.at(), List.of())
                : Step.to(this);
    }

    @Override
    public Step on(ReceiveEvent.SessionEnded ended) {
        return ended.session().equals(by)
                ? fail(claim, ended.why(), ended.at(), List.of())
                : Step.to(this);
    }
}
