// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.arrival.Expectation;
import io.kvlink.p2p.internal.receive.ReceiveMachine.Step;
import io.kvlink.spi.KvError;

/** Transfer that a request reads as long as it likes: all is here. The device has let go. */
record Loaded(Subject subject, Ticket ticket, Expectation reader) implements Receipt.Ticketed {

    @Override
    public Step on(ReceiveEvent event) {
        if (event instanceof ReceiveEvent.Released released && released.request().equals(reader)) {
            return end(subject, ticket, KvError.NO_SUCH_TRANSFER);
        } else if (event instanceof ReceiveEvent.Closed) {
            return end(subject, ticket, KvError.CLOSED);
        }
        return otherwise(event);
    }

    static Step end(Subject subject, Ticket ticket, KvError told) {
        return Step.to(
                new Over(subject.id(), told),
                new ReceiveEffect.CountReceived(subject, ticket),
                new ReceiveEffect.CloseLeases(ticket));
    }
}
