// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.memory.LayerLeases;
import io.kvlink.p2p.internal.transfer.Chunks;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferOutcome;
import java.util.Optional;

/**
 * What the engine's thread is told of inbound transfers. Owns the way to wake it. Each expectation
 * hears once, ready or failed, and the engine is woken after each word; a transfer's memory is the
 * engine's to read from when it was published, until the engine lets go. Control thread only.
 */
final class Deliveries {

    private final KvLayout layout;
    // Tells the engine that an expectation's status changed.
    private final Runnable wakeup;

    Deliveries(KvLayout layout, Runnable wakeup) {
        this.layout = layout;
        this.wakeup = wakeup;
    }

    /** To the request, if there is one, and all layers are here or about to be. */
    void publish(Inbound inbound) {
        Expectation expectation = inbound.expectation;
        LayerLeases leases = inbound.leases;
        Chunks chunks = inbound.chunks;
        if (expectation != null
                && leases != null
                && chunks != null
                && !inbound.published
                && inbound.loadable()) {
            inbound.published = true;
            long bytes = inbound.bytes(layout);
            TransferOutcome all = inbound.outcome(bytes, inbound.startedNs, Optional.empty(), "");
            settle(
                    expectation,
                    new Expectation.Ready(
                            leases.regions(),
                            chunks,
                            inbound.arrival,
                            all,
                            inbound.startedNs,
                            inbound.attachment));
        }
    }

    /** A transfer has failed: the request that waits for it hears, and one that reads it wakes. */
    void fail(Inbound inbound, Expectation.Failed failure) {
        Expectation expectation = inbound.expectation;
        if (expectation != null && expectation.waiting()) {
            settle(expectation, failure);
        } else if (inbound.published) {
            wakeup.run();
        }
    }

    /** A transfer is over: a request that still waits for it would never hear of it again. */
    void end(Inbound inbound, KvError told) {
        Expectation expectation = inbound.expectation;
        if (expectation != null && expectation.waiting()) {
            refuse(expectation, told);
        }
    }

    /** A request came for a transfer that is over. */
    void refuse(Expectation expectation, KvError told) {
        TransferId id = expectation.request().route().orElseThrow().id();
        settle(expectation, new Expectation.Failed(told, "transfer=" + id + " has ended here"));
    }

    /** The word that an expectation waits for. */
    void settle(Expectation expectation, Expectation.Status status) {
        expectation.end(status);
        wakeup.run();
    }
}
