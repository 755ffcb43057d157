// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.p2p.internal.session.Session;
import io.kvlink.spi.KvError;
import io.kvlink.spi.TransferOutcome;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A transfer that fails. It is counted, peers and request hear of it, and its memory is freed when
 * neither the device nor a request has it any more.
 */
final class Failure {

    private final Subject subject;
    private final Claim claim;
    private final Expectation.Failed why;
    private final List<ReceiveEffect> effects = new ArrayList<>();

    private Failure(Subject subject, Claim claim, Expectation.Failed why, TransferOutcome outcome) {
        this.subject = subject;
        this.claim = claim;
        this.why = why;
        effects.add(new ReceiveEffect.CountFailed(subject, why, outcome));
    }

    /** Of a transfer that came through no plane. */
    static Failure of(
            Subject subject, Claim claim, Expectation.Failed why, Moment at, long startedNs) {
        return of(subject, claim, why, "", 0, at.nowNs() - startedNs);
    }

    /** Of a transfer of which so many bytes are here. */
    static Failure of(
            Subject subject,
            Claim claim,
            Expectation.Failed why,
            Moment at,
            Ticket ticket,
            long bytes) {
        String plane = ticket.session().planeName();
        return of(subject, claim, why, plane, bytes, at.nowNs() - ticket.startedNs());
    }

    private static Failure of(
            Subject subject,
            Claim claim,
            Expectation.Failed why,
            String plane,
            long bytes,
            long ns) {
        String request = claim.request().map(held -> held.request().id()).orElse("");
        Optional<KvError> error = Optional.of(why.error());
        return new Failure(
                subject,
                claim,
                why,
                new TransferOutcome(request, subject.id(), error, why.detail(), plane, bytes, ns));
    }

    /** Peers hear of it. */
    Failure tell(List<Session> peers) {
        for (Session peer : peers) {
            Frame cancel = new Frame.Cancel(subject.id(), why.error(), why.detail());
            effects.add(new ReceiveEffect.Send(peer, cancel));
        }
        return this;
    }

    /** Nothing is leased. */
    Step ends() {
        return step(after());
    }

    /** The device has the memory, and was told to let go. */
    Step drains(Ticket ticket) {
        return step(new Draining(subject, ticket, claim, why));
    }

    /** The device has the memory. */
    Step recalls(Ticket ticket) {
        return drains(ticket).and(new ReceiveEffect.CancelReceive(ticket));
    }

    /** The device has let go of the memory. */
    Step frees(Ticket ticket) {
        Draining drained = new Draining(subject, ticket, claim, why);
        return step(drained).then(drained.freed());
    }

    private Step step(Receipt next) {
        if (claim instanceof Claim.Claimed claimed) {
            effects.add(new ReceiveEffect.Tell(claimed.held(), why));
        } else if (claim instanceof Claim.Reading) {
            effects.add(new ReceiveEffect.Wake());
        }
        return new Step(next, List.copyOf(effects));
    }

    private Receipt after() {
        return claim.request()
                .<Receipt>map(request -> new Failed(subject, request))
                .orElseGet(() -> new Over(subject.id(), why.error()));
    }
}
