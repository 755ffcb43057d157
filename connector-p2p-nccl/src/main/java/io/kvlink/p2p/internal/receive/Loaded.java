// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.spi.KvError;

/**
 * All is here, and a request reads it as long as it likes.
 *
 * @param subject the transfer
 * @param ticket the ticket; the device has let go of its memory
 * @param reader the request
 */
record Loaded(Subject subject, Ticket ticket, Expectation reader) implements Receipt.Ticketed {

    @Override
    public Step on(ReceiveEvent.Released released) {
        return released.request().equals(reader) ? end(KvError.NO_SUCH_TRANSFER) : Step.to(this);
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
