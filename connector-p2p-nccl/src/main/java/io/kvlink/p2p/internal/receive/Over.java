// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.spi.KvError;
import io.kvlink.spi.TransferId;

/**
 * It has ended, and nothing of it is here. Kept as a tombstone for a while.
 *
 * @param id the transfer
 * @param told what latecomers hear
 */
record Over(TransferId id, KvError told) implements Receipt {

    @Override
    public Step on(ReceiveEvent.Asked asked) {
        String detail = "transfer=" + id + " has ended here";
        return Step.to(
                this,
                new ReceiveEffect.Tell(asked.request(), new Expectation.Failed(told, detail)));
    }

    @Override
    public Step on(ReceiveEvent.Offered offered) {
        Expectation.Failed why = new Expectation.Failed(told, "the transfer has ended here");
        return Step.to(this, cancel(offered.by(), why));
    }
}
