// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.p2p.internal.memory.LayerLeases;
import io.kvlink.p2p.internal.session.Session;
import io.kvlink.p2p.internal.transfer.Chunks;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferOutcome;
import java.nio.ByteBuffer;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** One transfer on its way in. Control thread only. */
final class Inbound {

    final TransferId id;
    final int tokens;
    final long digest;
    // Written by the device thread too.
    final Arrival arrival;

    ReceiveState state = ReceiveState.EXPECTED;
    // The engine's side; null while no request has asked for the transfer.
    @Nullable Expectation expectation;
    // Where the offers come from; null before the first.
    @Nullable Session session;
    // Our own call to the prefill instance; null if nobody asked yet.
    @Nullable Session interest;
    boolean fetched;
    // The device failed a standing grant of this call; the next one goes out without.
    boolean stood;
    // Where the sender offered what it will send under the standing grant.
    @Nullable Session offeredOn;
    // Where its standing grant is counted; null if it has none.
    @Nullable Session standingOn;
    // The sender has computed all layers.
    boolean saved;
    // The engine may read the leases.
    boolean published;
    // Why it failed; null while it hasn't.
    Expectation.@Nullable Failed failure;
    @Nullable LayerLeases leases;
    // The ticket that is out, or will be next, is for a tail, too, with which an attachment comes.
    boolean tail;
    // What came, once it is known.
    boolean attached;
    Optional<ByteBuffer> attachment = Optional.empty();
    // The device has reported that all is here.
    boolean quiet;
    // How its tokens are cut; null before a ticket was out.
    @Nullable Chunks chunks;
    long receivedBytes;
    long ticket;
    long startedNs;
    long deadlineNs;

    Inbound(TransferId id, int tokens, long digest, Arrival arrival) {
        this.id = id;
        this.tokens = tokens;
        this.digest = digest;
        this.arrival = arrival;
    }

    /** A request waits for it from now on, and no longer than that. */
    void await(Expectation request, long untilNs) {
        expectation = request;
        deadlineNs = untilNs;
    }

    /**
     * True if its time has no end: a request has been told how it ended, and keeps it as long as it
     * likes. While a request waits for its answer, this is false.
     */
    boolean kept() {
        Expectation request = expectation;
        return (state == ReceiveState.COMPLETE || state == ReceiveState.FAILED)
                && request != null
                && !request.waiting();
    }

    /** Whether a session may offer it: the one it comes through, or the one that crossed ours. */
    boolean mayOffer(Session by) {
        Session taken = session;
        return taken == null
                || taken.equals(by)
                || (state == ReceiveState.STANDING && by.samePeer(taken));
    }

    /** Whether an offer is what this transfer waits for. */
    boolean fits(Session by, Frame.Offer offer, int layers) {
        return state == ReceiveState.EXPECTED
                && mayOffer(by)
                && offer.firstLayer() == 0
                && offer.layers() == layers;
    }

    /** Whether all layers are here, or will be as soon as the wire allows. */
    boolean loadable() {
        if (state == ReceiveState.COMPLETE) {
            return true;
        }
        boolean granted = state == ReceiveState.GRANTED || state == ReceiveState.STANDING;
        return granted
                && saved
                && (!tail || attached)
                && session != null
                && failure == null
                && session.device().plane().arrivesSoon();
    }

    /** How many tokens there must be room for. */
    int allTokens() {
        return tokens + (tail ? 1 : 0);
    }

    /** Bytes of all layers. */
    long bytes(KvLayout layout) {
        return layout.layers() * layout.layerBytes(allTokens());
    }

    /** All bytes are here, and only what goes with them isn't known. */
    boolean lacksAttachment() {
        return quiet && tail && !attached && failure == null;
    }

    /** It comes through a session from now on. */
    void take(Session by) {
        session = by;
        by.join();
    }

    /** Nothing reads or writes its memory any more. */
    void closeLeases() {
        if (leases != null) {
            leases.close();
            leases = null;
        }
    }

    /** How it went, as the engine and the figures know it. */
    TransferOutcome outcome(long bytes, long endNs, Optional<KvError> error, String detail) {
        return new TransferOutcome(
                expectation == null ? "" : expectation.request().id(),
                id,
                error,
                detail,
                session == null ? "" : session.planeName(),
                bytes,
                endNs - startedNs);
    }

    /** Where a ticket is out. */
    Session session() {
        if (session == null) {
            throw new IllegalStateException("a ticket without a session: " + this);
        }
        return session;
    }

    /** True if the device may write to the leases. */
    boolean ticketOut() {
        return switch (state) {
            case STANDING, RECALLED, GRANTED -> !quiet;
            case EXPECTED, COMPLETE, DRAINING, FAILED, ENDED -> false;
        };
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
        return "transfer=" + id + " state=" + state + " receivedBytes=" + receivedBytes;
    }
}
