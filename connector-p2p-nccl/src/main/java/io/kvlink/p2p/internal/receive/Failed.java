// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.spi.KvError;

/**
 * It has failed, and its request has heard of that and not let go yet. Nothing is leased.
 *
 * @param subject the transfer
 * @param request has heard
 */
record Failed(Subject subject, Expectation request) implements Receipt.Known {

    @Override
    public Step on(ReceiveEvent.Released released) {
        return released.request().equals(request)
                ? Step.to(new Over(id(), KvError.CANCELLED))
                : Step.to(this);
    }

    @Override
    public Step on(ReceiveEvent.Closed closed) {
        return Step.to(new Over(id(), KvError.CLOSED));
    }
}
