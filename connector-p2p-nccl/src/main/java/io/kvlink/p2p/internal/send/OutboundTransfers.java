// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.send;

import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.p2p.internal.session.Session;
import io.kvlink.p2p.internal.session.Sessions;
import io.kvlink.p2p.internal.transfer.Tombstones;
import io.kvlink.p2p.internal.transfer.TransferStats;
import io.kvlink.spi.KvError;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferOutcome;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The outbound transfers from their start to their end. Owns those that haven't ended and the
 * tombstones of those that have; whatever ends a transfer comes through here. Each fails at most
 * once and ends once, and only when the device reads none of its pieces; it counts among the
 * transfers of the one session that it goes to. Control thread only.
 */
final class OutboundTransfers {

    private static final Logger logger = LoggerFactory.getLogger(OutboundTransfers.class);

    private final Sessions sessions;
    private final TransferStats stats;
    private final Consumer<TransferOutcome> finished;
    private final LongSupplier clock;

    private final Tombstones tombstones = new Tombstones();
    private final Map<TransferId, Outbound> transfers = new LinkedHashMap<>();

    OutboundTransfers(
            Sessions sessions,
            TransferStats stats,
            Consumer<TransferOutcome> finished,
            LongSupplier clock) {
        this.sessions = sessions;
        this.stats = stats;
        this.finished = finished;
        this.clock = clock;
    }

    int count() {
        return transfers.size();
    }

    /** A transfer that hasn't ended. */
    @Nullable Outbound find(TransferId id) {
        return transfers.get(id);
    }

    /** What a latecomer is told of a transfer, or {@code null} if it isn't known to have ended. */
    @Nullable KvError over(TransferId id) {
        return tombstones.of(id);
    }

    /** Those that haven't ended, now: some may end while the caller goes through them. */
    List<Outbound> all() {
        return List.copyOf(transfers.values());
    }

    /** A transfer starts; false if another one of its id is under way. */
    boolean add(Outbound transfer) {
        return transfers.putIfAbsent(transfer.id(), transfer) == null;
    }

    /** A transfer is over, whether or not it ever began here. */
    void bury(TransferId id, KvError told) {
        tombstones.put(id, told, nowNs());
    }

    /** A transfer goes to a session from now on. */
    void attach(Outbound transfer, Session session) {
        leave(transfer.session);
        transfer.session = session;
        session.join();
    }

    /** It will not be sent. Does nothing if it has failed or ended. */
    void fail(Outbound transfer, KvError error, String detail, boolean tellPeer) {
        if (transfer.failure != null || transfer.state == SendState.ENDED) {
            return;
        }
        transfer.failure = error;
        transfer.detail = detail;
        Session session = transfer.session;
        if (tellPeer && session != null) {
            sessions.send(session, new Frame.Cancel(transfer.id(), error, detail));
        }
        if (transfer.idle()) {
            conclude(transfer);
            return;
        }
        transfer.moveTo(SendState.DRAINING);
        if (session != null) {
            String endpoint = session.endpoint();
            long ticket = transfer.ticket;
            session.device().submit(plane -> plane.cancelSends(endpoint, ticket));
        }
    }

    /** Ends a transfer that is sent or has failed, and that the device doesn't read. */
    void conclude(Outbound transfer) {
        KvError error = transfer.failure;
        if (transfers.remove(transfer.id(), transfer)) {
            bury(transfer.id(), error == null ? KvError.NO_SUCH_TRANSFER : error);
        }
        leave(transfer.session);
        transfer.letGo();
        TransferOutcome outcome = transfer.outcome(nowNs());
        transfer.moveTo(SendState.ENDED);
        stats.onOutcome("send", outcome);
        if (error != null) {
            logger.warn("transfer={} not sent: {} {}", transfer.id(), error, transfer.detail);
        }
        finished.accept(outcome);
    }

    private void leave(@Nullable Session session) {
        if (session != null) {
            session.leave(nowNs());
        }
    }

    private long nowNs() {
        return clock.getAsLong();
    }
}
