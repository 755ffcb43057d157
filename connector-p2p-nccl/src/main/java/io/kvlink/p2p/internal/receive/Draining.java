// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

/**
 * It has failed, and the device may still write; it was told to let go. The request has heard, and
 * may read what was here: then the memory has two holders.
 *
 * @param subject the transfer
 * @param ticket the ticket
 * @param claim its request; has heard of the failure
 * @param why it failed
 */
record Draining(Subject subject, Ticket ticket, Claim claim, Expectation.Failed why)
        implements Receipt.Ticketed {

    @Override
    public Step on(ReceiveEvent.Asked asked) {
        return claim.request().isPresent()
                ? belongsToAnother(asked)
                : Step.to(this, new ReceiveEffect.Tell(asked.request(), why));
    }

    @Override
    public Step on(ReceiveEvent.Released released) {
        return claim.by(released.request()) ? unclaimed() : Step.to(this);
    }

    @Override
    public Step on(ReceiveEvent.Closed closed) {
        return unclaimed();
    }

    private Step unclaimed() {
        return Step.to(new Draining(subject, ticket, new Claim.Nobody(), why));
    }

    @Override
    public Step on(ReceiveEvent.ChunkReceived chunk) {
        return Step.to(this);
    }

    @Override
    public Step on(ReceiveEvent.Received received) {
        return freed();
    }

    @Override
    public Step on(ReceiveEvent.ReceiveFailed failed) {
        return freed();
    }

    /** The device has let go. A request that reads keeps the memory. */
    Step freed() {
        if (claim instanceof Claim.Reading reading) {
            return Step.to(new Spoiled(subject, ticket, reading.reader()));
        }
        return Step.to(
                claim.request()
                        .<Receipt>map(request -> new Failed(subject, request))
                        .orElseGet(() -> new Over(id(), why.error())),
                new ReceiveEffect.CloseLeases(ticket));
    }
}
