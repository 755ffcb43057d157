// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.arrival.Expectation;
import io.kvlink.p2p.internal.memory.LayerLeases;
import io.kvlink.p2p.internal.session.Session;
import io.kvlink.p2p.internal.transfer.Chunks;
import io.kvlink.spi.TransferOutcome;
import java.nio.ByteBuffer;
import java.util.Optional;

/**
 * Memory for all layers of a transfer, and the number under which one peer may fill it.
 *
 * @param arrivesSoon whether layers that are computed may be waited for within a step
 * @param startedNs when the transfer began, for the figures
 */
record Ticket(
        long number,
        Session session,
        LayerLeases leases,
        Chunks chunks,
        long bytes,
        boolean arrivesSoon,
        long startedNs) {

    /** True if it is for the token behind the layers, too, and for what goes with that. */
    boolean tail() {
        return chunks.tail();
    }

    /** True if the sender attaches something to this ticket. */
    boolean isFor(ReceiveEvent.Attached attached) {
        return attached.by().equals(session) && attached.ticket() == number && tail();
    }

    /** The word that lets a request read. */
    ReceiveEffect ready(Subject subject, Expectation request, Optional<ByteBuffer> attachment) {
        TransferOutcome so =
                TransferOutcome.builder(request.request().id())
                        .id(subject.id())
                        .plane(session.planeName())
                        .bytes(bytes)
                        .build();
        return new ReceiveEffect.Tell(
                request,
                new Expectation.Ready(
                        leases.regions(), chunks, subject.arrival(), so, startedNs, attachment));
    }
}
