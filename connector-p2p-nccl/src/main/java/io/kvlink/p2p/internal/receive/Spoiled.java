// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.spi.KvError;

/**
 * It has failed, and a request may be reading what was here before. The device has let go.
 *
 * @param subject the transfer
 * @param ticket the ticket
 * @param reader the request
 */
record Spoiled(Subject subject, Ticket ticket, Expectation reader) implements Receipt.Ticketed {

    @Override
    public Step on(ReceiveEvent.Released released) {
        return released.request().equals(reader) ? end(KvError.CANCELLED) : Step.to(this);
    }

    @Override
    public Step on(ReceiveEvent.Closed closed) {
        return end(KvError.CLOSED);
    }

    private Step end(KvError told) {
        return Step.to(new Over(id(), told), new ReceiveEffect.CloseLeases(ticket));
    }
}
