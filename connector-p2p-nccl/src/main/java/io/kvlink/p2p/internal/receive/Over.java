// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.arrival.Expectation;
import io.kvlink.p2p.internal.receive.ReceiveMachine.Step;
import io.kvlink.spi.KvError;
import io.kvlink.spi.TransferId;

/** Transfer that has ended. Kept as a tombstone for a while, for latecomers. */
record Over(TransferId id, KvError told) implements Receipt {

    @Override
    public Step on(ReceiveEvent event) {
        if (event instanceof ReceiveEvent.Asked asked) {
            String detail = "transfer=" + id + " has ended here";
            Expectation.Failed late = new Expectation.Failed(told, detail);
            return Step.to(this, new ReceiveEffect.Tell(asked.request(), late));
        } else if (event instanceof ReceiveEvent.Offered offered) {
            String detail = "the transfer has ended here";
            return Step.to(this, cancel(offered.by(), new Expectation.Failed(told, detail)));
        }
        return otherwise(event);
    }
}
