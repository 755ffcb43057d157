// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.receive.ReceiveMachine.Step;
import java.util.List;

/** First mention of a transfer: neither a request nor an offer has come before. */
record Unheard(Subject subject) implements Receipt.Known {

    @Override
    public Step on(ReceiveEvent event) {
        ReceiveEvent.Moment at = event.at();
        if (event instanceof ReceiveEvent.Asked asked) {
            return Calling.enter(subject, asked.request(), at.nowNs(), at.requestUntilNs());
        } else if (event instanceof ReceiveEvent.Offered offered) {
            return new Deferred(
                            subject,
                            new Claim.Nobody(),
                            offered.by(),
                            at.nowNs(),
                            at.unclaimedUntilNs())
                    .take(offered, List.of(offered.by()));
        }
        return otherwise(event);
    }
}
