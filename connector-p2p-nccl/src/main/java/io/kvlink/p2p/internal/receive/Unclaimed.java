// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.arrival.Expectation;
import io.kvlink.p2p.internal.receive.ReceiveMachine.Step;
import io.kvlink.spi.KvError;
import java.nio.ByteBuffer;
import java.util.Optional;

/** Transfer that is all here, and that no request has asked for. The device has let go. */
record Unclaimed(Subject subject, Ticket ticket, Optional<ByteBuffer> attachment, long deadlineNs)
        implements Receipt.Timed, Receipt.Ticketed {

    @Override
    public Step on(ReceiveEvent event) {
        if (event instanceof ReceiveEvent.Asked asked) {
            return asked(asked);
        } else if (event instanceof ReceiveEvent.DeadlinePassed) {
            return Step.to(this, new ReceiveEffect.WarnUnclaimed(id()))
                    .then(Loaded.end(subject, ticket, KvError.NO_SUCH_TRANSFER));
        } else if (event instanceof ReceiveEvent.Closed) {
            return Loaded.end(subject, ticket, KvError.CLOSED);
        }
        return otherwise(event);
    }

    private Step asked(ReceiveEvent.Asked asked) {
        Expectation request = asked.request();
        long nowNs = asked.at().nowNs();
        return subject.misfit(asked)
                .map(
                        why ->
                                Failure.of(
                                        subject,
                                        new Claim.Claimed(request),
                                        why,
                                        nowNs,
                                        ticket,
                                        ticket.bytes()))
                .map(failure -> failure.tell(session().stream().toList()).frees(ticket))
                .orElseGet(
                        () ->
                                Step.to(
                                        new Loaded(subject, ticket, request),
                                        ticket.ready(subject, request, attachment)));
    }
}
