// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.arrival.Expectation;
import io.kvlink.p2p.internal.receive.ReceiveMachine.Step;
import io.kvlink.spi.KvError;

/** Failed transfer whose request has heard and not let go yet. Nothing is leased. */
record Failed(Subject subject, Expectation request) implements Receipt.Known {

    @Override
    public Step on(ReceiveEvent event) {
        if (event instanceof ReceiveEvent.Released released && released.request().equals(request)) {
            return Step.to(new Over(id(), KvError.CANCELLED));
        } else if (event instanceof ReceiveEvent.Closed) {
            return Step.to(new Over(id(), KvError.CLOSED));
        }
        return otherwise(event);
    }
}
