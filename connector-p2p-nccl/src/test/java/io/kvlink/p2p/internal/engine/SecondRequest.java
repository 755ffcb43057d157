// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.arrival.AwaitedKv;
import io.kvlink.p2p.internal.arrival.Expectation;
import org.jspecify.annotations.Nullable;

/** Request for a transfer that another request of the same engine has had: it is refused. */
final class SecondRequest {

    private final Simulation.Transfer first;
    private @Nullable AwaitedKv expectation;
    private boolean over;

    SecondRequest(Simulation.Transfer first) {
        this.first = first;
    }

    boolean over() {
        return over;
    }

    /** Nobody is left to ask, or to be asked. */
    void giveUp() {
        over = true;
    }

    /** The decode engine does one thing; false if there is nothing to do. */
    boolean step() {
        AwaitedKv wait = expectation;
        if (over) {
            return false;
        }
        if (wait == null) {
            expectation = new AwaitedKv(first.request, first.digest(), Simulation.GROUPS);
            first.decode.control.expect(expectation);
            return true;
        }
        if (wait.waiting()) {
            return false;
        }
        assertThat(Waits.status(wait))
                .as("%s came before", first.request)
                .isInstanceOf(Expectation.Failed.class);
        first.decode.control.release(wait);
        over = true;
        return true;
    }
}
