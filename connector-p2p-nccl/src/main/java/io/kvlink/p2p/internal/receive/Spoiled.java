// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.arrival.Expectation;
import io.kvlink.p2p.internal.receive.ReceiveMachine.Step;
import io.kvlink.spi.KvError;

/** Failed transfer of which a request may read what was here. The device has let go. */
record Spoiled(Subject subject, Ticket ticket, Expectation reader) implements Receipt.Ticketed {

    @Override
    public Step on(ReceiveEvent event) {
        if (event instanceof ReceiveEvent.Released released && released.request().equals(reader)) {
            return end(KvError.CANCELLED);
        } else if (event instanceof ReceiveEvent.Closed) {
            return end(KvError.CLOSED);
        }
        return otherwise(event);
    }

    private Step end(KvError told) {
        return Step.to(new Over(id(), told), new ReceiveEffect.CloseLeases(ticket));
    }
}
