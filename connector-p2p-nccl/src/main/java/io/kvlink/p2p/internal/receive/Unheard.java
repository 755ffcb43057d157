// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import java.util.List;

/**
 * First mention of a transfer: neither a request nor an offer has come before.
 *
 * @param subject what it is, as the first mention says
 */
record Unheard(Subject subject) implements Receipt.Known {

    @Override
    public Step on(ReceiveEvent.Asked asked) {
        return Calling.enter(
                subject, asked.request(), asked.at().nowNs(), asked.at().requestUntilNs());
    }

    @Override
    public Step on(ReceiveEvent.Offered offered) {
        Moment at = offered.at();
        return Deferred.enter(
                subject,
                new Claim.Nobody(),
                offered,
                List.of(offered.by()),
                at.nowNs(),
                at.unclaimedUntilNs());
    }
}
