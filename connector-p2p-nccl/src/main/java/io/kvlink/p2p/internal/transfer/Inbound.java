// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.transfer;

import io.kvlink.p2p.internal.memory.LayerLeases;
import io.kvlink.spi.TransferId;
import org.jspecify.annotations.Nullable;

/** One transfer on its way in. Control thread only. */
final class Inbound {

    final TransferId id;
    final int tokens;
    final long digest;

    ReceiveState state = ReceiveState.EXPECTED;
    // The engine's side; null while no request has asked for the transfer.
    @Nullable Expectation expectation;
    // Where the offers come from; null before the first.
    @Nullable Session session;
    // Our own call to the prefill instance; null if nobody asked yet.
    @Nullable Session interest;
    boolean fetched;
    // Why it failed; null while it hasn't.
    Expectation.@Nullable Failed failure;
    @Nullable LayerLeases leases;
    int received;
    long ticket;
    int groupFirst;
    int groupEnd;
    long startedNs;
    long deadlineNs;

    Inbound(TransferId id, int tokens, long digest) {
        this.id = id;
        this.tokens = tokens;
        this.digest = digest;
    }

    void moveTo(ReceiveState next) {
        if (!state.next().contains(next)) {
            throw new IllegalStateException(
                    "transfer=" + id + " from=" + state + " to=" + next + " is no legal move");
        }
        state = next;
    }

    @Override
    public String toString() {
        return "transfer=" + id + " state=" + state + " received=" + received;
    }
}
