// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.arrival.Expectation;
import io.kvlink.p2p.internal.receive.ReceiveMachine.Step;

/**
 * Failed transfer whose memory the device may still write; it was told to let go. The request has
 * heard, and may read what was here: then the memory has two holders.
 */
record Draining(Subject subject, Ticket ticket, Claim claim, Expectation.Failed why)
        implements Receipt.Ticketed {

    @Override
    public Step on(ReceiveEvent event) {
        if (event instanceof ReceiveEvent.Asked asked && claim.request().isEmpty()) {
            return Step.to(this, new ReceiveEffect.Tell(asked.request(), why));
        } else if (event instanceof ReceiveEvent.Closed
                || (event instanceof ReceiveEvent.Released released
                        && claim.by(released.request()))) {
            return Step.to(new Draining(subject, ticket, new Claim.Nobody(), why));
        } else if (event instanceof ReceiveEvent.ChunkReceived) {
            return Step.to(this);
        } else if (event instanceof ReceiveEvent.TicketEnd) {
            return freed();
        }
        return otherwise(event);
    }

    /** Step when the device has let go. A request that reads keeps the memory. */
    Step freed() {
        return claim instanceof Claim.Reading reading
                ? Step.to(new Spoiled(subject, ticket, reading.reader()))
                : Step.to(
                        Failure.after(subject, claim, why), new ReceiveEffect.CloseLeases(ticket));
    }
}
