// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.engine;

import io.kvlink.p2p.internal.arrival.AwaitedKv;
import io.kvlink.p2p.internal.arrival.Expectation;

/** Wait for KV that comes from one rank. */
final class Waits {

    private Waits() {}

    /** Status of its only transfer. */
    static Expectation.Status status(AwaitedKv kv) {
        if (kv.failure().isPresent()) {
            return kv.failure().get();
        }
        return kv.loadable()
                .<Expectation.Status>map(loadable -> loadable.sources().get(0).ready())
                .orElseGet(Expectation.Waiting::new);
    }
}
