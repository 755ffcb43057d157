// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.spi.KvError;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;

/**
 * All is here, and no request has asked for it.
 *
 * @param subject the transfer
 * @param ticket the ticket; the device has let go of its memory
 * @param attachment what came with it, if anything did
 * @param deadlineNs how long it is kept
 */
record Unclaimed(Subject subject, Ticket ticket, Optional<ByteBuffer> attachment, long deadlineNs)
        implements Receipt.Timed, Receipt.Ticketed {

    @Override
    public Step on(ReceiveEvent.Asked asked) {
        Expectation request = asked.request();
        Claim claimed = new Claim.Claimed(request);
        return subject.misfit(asked)
                .map(why -> Failure.of(subject, claimed, why, asked.at(), ticket, ticket.bytes()))
                .map(failure -> failure.tell(List.of(ticket.session())).frees(ticket))
                .orElseGet(
                        () ->
                                Step.to(
                                        new Loaded(subject, ticket, request),
                                        ticket.ready(subject, request, attachment)));
    }

    @Override
    public Step on(ReceiveEvent.DeadlinePassed passed) {
        return Step.to(this, new ReceiveEffect.Warn(id())).then(end(KvError.NO_SUCH_TRANSFER));
    }

    @Override
    public Step on(ReceiveEvent.Closed closed) {
        return end(KvError.CLOSED);
    }

    private Step end(KvError told) {
        return Step.to(
                new Over(id(), told),
                new ReceiveEffect.CountReceived(subject, ticket),
                new ReceiveEffect.CloseLeases(ticket));
    }
}
