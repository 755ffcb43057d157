// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.p2p.internal.session.Session;
import io.kvlink.p2p.internal.session.Sessions;
import io.kvlink.p2p.internal.transfer.Tombstones;
import io.kvlink.p2p.internal.transfer.TransferStats;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.TransferId;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The inbound transfers from their first mention to their end. Owns those that haven't ended and
 * the tombstones of those that have; whatever ends a transfer comes through here. Each fails at
 * most once and ends once, and its memory is freed only when neither the device writes to it nor a
 * request may be reading it. Control thread only.
 */
final class InboundTransfers {

    private static final Logger logger = LoggerFactory.getLogger(InboundTransfers.class);

    private final Sessions sessions;
    private final KvLayout layout;
    private final TransferStats stats;
    private final Grants grants;
    private final Deliveries deliveries;
    private final LongSupplier clock;

    private final Tombstones tombstones = new Tombstones();
    private final Map<TransferId, Inbound> transfers = new LinkedHashMap<>();
    // How many of the transfers are FAILED.
    private int failed;

    InboundTransfers(
            Sessions sessions,
            KvLayout layout,
            TransferStats stats,
            Grants grants,
            Deliveries deliveries,
            LongSupplier clock) {
        this.sessions = sessions;
        this.layout = layout;
        this.stats = stats;
        this.grants = grants;
        this.deliveries = deliveries;
        this.clock = clock;
    }

    /** Transfers that hold or await something; failed ones that await their request don't count. */
    int count() {
        return transfers.size() - failed;
    }

    /** A transfer that hasn't ended. */
    @Nullable Inbound find(TransferId id) {
        return transfers.get(id);
    }

    /** What a latecomer is told of a transfer, or {@code null} if it isn't known to have ended. */
    @Nullable KvError over(TransferId id) {
        return tombstones.of(id);
    }

    /** Those that haven't ended, now: some may end while the caller goes through them. */
    List<Inbound> all() {
        return List.copyOf(transfers.values());
    }

    /** Transfers whose time is over: of all, but for what a request was told of and keeps. */
    List<Inbound> due() {
        long nowNs = nowNs();
        return transfers.values().stream()
                .filter(inbound -> !inbound.kept() && nowNs - inbound.deadlineNs >= 0)
                .toList();
    }

    /** The first mention of a transfer, which waits so long for the second. */
    Inbound begin(TransferId id, int tokens, long digest, long unclaimedTtlNs) {
        Inbound inbound = new Inbound(id, tokens, digest, new Arrival(layout.layers(), clock));
        inbound.startedNs = nowNs();
        inbound.deadlineNs = nowNs() + unclaimedTtlNs;
        transfers.put(id, inbound);
        return inbound;
    }

    /** It will not come. Does nothing if it has failed or ended. */
    void fail(Inbound inbound, KvError error, String detail, boolean tellPeer) {
        if (inbound.state == ReceiveState.DRAINING
                || inbound.state == ReceiveState.FAILED
                || inbound.state == ReceiveState.ENDED) {
            return;
        }
        logger.warn("transfer={} not received: {} {}", inbound.id, error, detail);
        stats.onOutcome(
                "receive",
                inbound.outcome(inbound.receivedBytes, nowNs(), Optional.of(error), detail));
        inbound.failure = new Expectation.Failed(error, detail);
        inbound.arrival.fail(inbound.failure);
        if (tellPeer) {
            tell(inbound, error, detail);
        }
        deliveries.fail(inbound, inbound.failure);
        freeWhenQuiet(inbound);
    }

    private void tell(Inbound inbound, KvError error, String detail) {
        Session session = inbound.session == null ? inbound.interest : inbound.session;
        if (session != null && session.open()) {
            sessions.send(session, new Frame.Cancel(inbound.id, error, detail));
        }
        if (inbound.offeredOn != null && inbound.offeredOn.open()) {
            sessions.send(inbound.offeredOn, new Frame.Cancel(inbound.id, error, detail));
        }
    }

    // Frees a failed transfer, at once or when the device has let go.
    private void freeWhenQuiet(Inbound inbound) {
        boolean recalled = inbound.state == ReceiveState.RECALLED;
        if (inbound.quiet) {
            inbound.moveTo(ReceiveState.DRAINING);
            free(inbound);
            return;
        }
        if (!inbound.ticketOut()) {
            free(inbound);
            return;
        }
        inbound.moveTo(ReceiveState.DRAINING);
        if (inbound.ticket == 0) {
            free(inbound);
        } else if (!recalled) {
            grants.cancel(inbound);
        }
    }

    /**
     * Nothing writes any more: frees the memory, unless the request may be reading it; keeps the
     * failure while a request may ask for it.
     */
    void free(Inbound inbound) {
        grants.unstand(inbound);
        if (inbound.expectation == null) {
            end(inbound, inbound.failure == null ? KvError.CANCELLED : inbound.failure.error());
            return;
        }
        if (!inbound.published) {
            inbound.closeLeases();
        }
        inbound.moveTo(ReceiveState.FAILED);
        failed++;
    }

    /** Nobody needs it any more; latecomers are told why. */
    void end(Inbound inbound, KvError told) {
        if (inbound.state == ReceiveState.COMPLETE) {
            stats.onOutcome(
                    "receive",
                    inbound.outcome(
                            inbound.receivedBytes, inbound.arrival.lastNs(), Optional.empty(), ""));
        }
        failed -= inbound.state == ReceiveState.FAILED ? 1 : 0;
        inbound.moveTo(ReceiveState.ENDED);
        inbound.closeLeases();
        transfers.remove(inbound.id);
        tombstones.put(inbound.id, told, nowNs());
        deliveries.end(inbound, told);
        letGo(inbound.session);
        letGo(inbound.interest);
    }

    private void letGo(@Nullable Session session) {
        if (session != null) {
            session.leave(nowNs());
        }
    }

    private long nowNs() {
        return clock.getAsLong();
    }
}
