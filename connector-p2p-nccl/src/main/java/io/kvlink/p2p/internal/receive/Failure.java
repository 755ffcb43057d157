// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.arrival.Expectation;
import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.p2p.internal.receive.ReceiveMachine.Step;
import io.kvlink.p2p.internal.session.Session;
import java.util.ArrayList;
import java.util.List;

/**
 * A transfer that fails. It is counted, peers and request hear of it, and its memory is freed when
 * neither the device nor the request has it any more.
 */
final class Failure {

    private final Subject subject;
    private final Claim claim;
    private final Expectation.Failed why;
    private final List<ReceiveEffect> effects = new ArrayList<>();

    private Failure(
            Subject subject, Claim claim, Expectation.Failed why, ReceiveEffect.CountFailed count) {
        this.subject = subject;
        this.claim = claim;
        this.why = why;
        effects.add(count);
    }

    /** Failure of a transfer of which nothing came. */
    static Failure of(Subject subject, Claim claim, Expectation.Failed why, long durationNs) {
        return new Failure(
                subject,
                claim,
                why,
                new ReceiveEffect.CountFailed(subject, why, "", 0, durationNs));
    }

    /** Failure of a transfer of which so many bytes came under a ticket. */
    static Failure of(
            Subject subject,
            Claim claim,
            Expectation.Failed why,
            long nowNs,
            Ticket ticket,
            long bytes) {
        String plane = ticket.session().planeName();
        long ns = nowNs - ticket.startedNs();
        return new Failure(
                subject, claim, why, new ReceiveEffect.CountFailed(subject, why, plane, bytes, ns));
    }

    /** Tells peers, each once. */
    Failure tell(List<Session> peers) {
        Frame cancel = new Frame.Cancel(subject.id(), why.error(), why.detail());
        peers.stream()
                .distinct()
                .forEach(peer -> effects.add(new ReceiveEffect.Send(peer, cancel)));
        return this;
    }

    /** Step where nothing is leased. */
    Step ends() {
        return step(after(subject, claim, why));
    }

    /** Step where the device has the memory, and was told to let go. */
    Step drains(Ticket ticket) {
        return step(new Draining(subject, ticket, claim, why));
    }

    /** Step where the device has the memory. */
    Step recalls(Ticket ticket) {
        return drains(ticket).and(new ReceiveEffect.CancelReceive(ticket));
    }

    /** Step where the device has let go of the memory. */
    Step frees(Ticket ticket) {
        return drains(ticket).then(new Draining(subject, ticket, claim, why).freed());
    }

    private Step step(Receipt next) {
        if (claim instanceof Claim.Claimed claimed) {
            effects.add(new ReceiveEffect.Tell(claimed.held(), why));
        } else if (claim instanceof Claim.Reading) {
            effects.add(new ReceiveEffect.Wake());
        }
        return new Step(next, List.copyOf(effects));
    }

    /** State when nothing is leased any more: kept for the request, if there is one. */
    static Receipt after(Subject subject, Claim claim, Expectation.Failed why) {
        return claim.request()
                .<Receipt>map(request -> new Failed(subject, request))
                .orElseGet(() -> new Over(subject.id(), why.error()));
    }
}
