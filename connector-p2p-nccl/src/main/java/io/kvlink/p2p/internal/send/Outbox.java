// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.send;

import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.p2p.internal.session.Session;
import io.kvlink.p2p.internal.session.Sessions;
import io.kvlink.p2p.internal.transfer.TransferLimits;
import io.kvlink.p2p.internal.transfer.TransferStats;
import io.kvlink.spi.KvError;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferOutcome;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The sending state machine. Offers transfers, sends what is granted as it is saved, and ends each
 * transfer exactly once. Control thread only.
 */
public final class Outbox {

    private final Sessions sessions;
    private final TransferLimits limits;
    private final LongSupplier clock;

    private final OutboundTransfers transfers;
    private final PendingFetches fetches = new PendingFetches();
    private final Sends sends;

    public Outbox(
            Sessions sessions,
            TransferLimits limits,
            TransferStats stats,
            Executor control,
            Consumer<TransferOutcome> finished,
            LongSupplier clock) {
        this.sessions = sessions;
        this.limits = limits;
        this.clock = clock;
        transfers = new OutboundTransfers(sessions, stats, finished, clock);
        sends = new Sends(control, this::onSendEnded);
    }

    public int transfers() {
        return transfers.count();
    }

    /** A transfer begins; none of its layers need be saved yet. */
    public void start(Outbound transfer) {
        transfer.startedNs = nowNs();
        transfer.retryAtNs = transfer.startedNs;
        renew(transfer);
        if (!transfers.add(transfer)) {
            transfer.failure = KvError.BAD_ROUTE;
            transfer.detail = "transfer=" + transfer.id() + " is under way already";
            transfers.conclude(transfer);
            return;
        }
        PendingFetches.Pending pending = fetches.take(transfer.id());
        KvError over = transfers.over(transfer.id());
        if (transfer.held() && over != null) {
            transfers.fail(
                    transfer, over, "transfer=" + transfer.id() + " has ended already", false);
            return;
        }
        if (pending != null) {
            serve(transfer, pending.session(), pending.fetch());
        }
        if (transfer.session == null && !transfer.held() && transfer.failure == null) {
            transfers.attach(transfer, sessions.dial(transfer.peer()));
        }
        pump(transfer);
    }

    /** A transfer can't even begin: whoever fetches it is told why. */
    public void refuse(Outbound transfer, KvError error, String detail) {
        transfer.startedNs = nowNs();
        transfer.deadlineNs = nowNs();
        if (transfers.add(transfer)) {
            PendingFetches.Pending pending = fetches.take(transfer.id());
            if (pending != null) {
                transfers.attach(transfer, pending.session());
            }
        }
        transfers.fail(transfer, error, detail, true);
    }

    // The time runs anew after each chunk but the last: those behind it are still to be computed.
    private void renew(Outbound transfer) {
        transfer.deadlineNs =
                nowNs() + (transfer.held() ? limits.getLeaseNs() : limits.transferTimeoutNs());
    }

    /** A piece was saved. */
    public void onSaved(Outbound transfer) {
        pump(transfer);
    }

    /** All of it is saved, and this goes with it; only the first call counts. */
    public void attach(Outbound transfer, Optional<ByteBuffer> content) {
        if (!transfer.attached) {
            transfer.attached = true;
            transfer.attachment = content;
            pump(transfer);
        }
    }

    /** The engine gives the transfer up: it will not be saved to its end. */
    public void abort(Outbound transfer) {
        if (transfer.declineTail()) {
            pump(transfer);
            return;
        }
        transfers.fail(transfer, KvError.CANCELLED, "the producer gave the request up", true);
    }

    public void onFetch(Session session, Frame.Fetch fetch) {
        Outbound transfer = transfers.find(fetch.id());
        KvError over = transfers.over(fetch.id());
        if (transfer != null) {
            serve(transfer, session, fetch);
            pump(transfer);
        } else if (over != null) {
            cancel(session, fetch.id(), over, "the transfer has ended here");
        } else if (!fetches.put(session, fetch, nowNs() + limits.transferTimeoutNs())
                && fetch.ticket() != 0) {
            cancel(session, fetch.id(), KvError.NO_SPACE, "too many wait for their transfers");
        }
    }

    /** A receiver asks for a transfer that is here, perhaps under a standing grant. */
    private void serve(Outbound transfer, Session session, Frame.Fetch fetch) {
        boolean standing = fetch.ticket() != 0;
        if (transfer.adopted && session.equals(transfer.session)) {
            transfers.fail(transfer, KvError.PEER_LOST, "the receiver took its grant back", true);
        } else if (!transfer.ungranted() || !receives(transfer, session)) {
            if (standing) {
                String detail = transfer + "; it goes to another session";
                cancel(session, fetch.id(), KvError.BAD_ROUTE, detail);
            }
        } else if (!standing && !transfer.held()) {
            return; // It is offered anyway.
        } else if (fetch.tokens() != transfer.tokens() || fetch.digest() != transfer.digest()) {
            String detail =
                    "prompt differs: tokens=%d/%d (ours/theirs) or their ids"
                            .formatted(transfer.tokens(), fetch.tokens());
            cancel(session, fetch.id(), KvError.PROMPT_MISMATCH, detail);
            transfers.fail(transfer, KvError.PROMPT_MISMATCH, detail, false);
        } else {
            if (!session.equals(transfer.session)) {
                transfer.withdrawOffer();
                transfers.attach(transfer, session);
            }
            if (standing) {
                adopt(transfer, session, fetch.ticket(), fetch.tail());
            }
        }
    }

    // A pushed transfer goes to its route's decode instance, a held one to the first that fetches.
    private static boolean receives(Outbound transfer, Session session) {
        Session taken = transfer.session;
        return transfer.held()
                ? taken == null || session.samePeer(taken)
                : session.peerAddress().filter(transfer.peer()::equals).isPresent();
    }

    // All layers are granted; an offer that crossed this is ignored by the receiver.
    private void adopt(Outbound transfer, Session session, long ticket, boolean tail) {
        transfer.adopted = true;
        transfer.withdrawOffer();
        granted(transfer, session, ticket, tail);
    }

    private void granted(Outbound transfer, Session session, long ticket, boolean tail) {
        transfer.moveTo(SendState.GRANTED);
        transfer.refused(false);
        transfer.ticket = ticket;
        transfer.tailGranted = tail;
        transfer.plane = session.device().plane().name();
    }

    public void onGrant(Session session, Frame.Grant grant) {
        Outbound transfer = transfers.find(grant.id());
        if (transfer == null
                || transfer.state != SendState.OFFERED
                || !session.equals(transfer.session)
                || grant.firstLayer() != 0
                || grant.layers() != transfer.layers()) {
            cancel(session, grant.id(), KvError.NO_SUCH_TRANSFER, "no such offer");
            return;
        }
        granted(transfer, session, grant.ticket(), grant.tail());
        pump(transfer);
    }

    public void onBusy(Session session, Frame.Busy busy) {
        Outbound transfer = transfers.find(busy.id());
        if (transfer != null
                && transfer.state == SendState.OFFERED
                && session.equals(transfer.session)) {
            transfer.moveTo(SendState.WAITING);
            transfer.refused(true);
            transfer.retryAtNs = nowNs() + backOffMs(transfer, busy) * 1_000_000L;
        }
    }

    // Twice as long each time, within a bound: many may be waiting for the same memory.
    private static long backOffMs(Outbound transfer, Frame.Busy busy) {
        return (long) busy.retryAfterMs() << Math.min(5, transfer.refusals++);
    }

    public void onDone(Session session, Frame.Done done) {
        Outbound transfer = transfers.find(done.id());
        if (transfer != null
                && transfer.state == SendState.GRANTED
                && session.equals(transfer.session)
                && done.ticket() == transfer.ticket) {
            transfer.received = true;
            pump(transfer);
        }
    }

    public void onCancel(Session session, Frame.Cancel cancel) {
        Outbound transfer = transfers.find(cancel.id());
        if (transfer != null && session.equals(transfer.session)) {
            transfers.fail(transfer, cancel.error(), "told by the peer: " + cancel.detail(), false);
        }
        if (fetches.withdraw(cancel.id(), session)) {
            // Whoever computes it later need not hold it for nobody.
            transfers.bury(cancel.id(), cancel.error());
        }
    }

    public void onSessionOpen(Session session) {
        for (Outbound transfer : transfers.all()) {
            if (session.equals(transfer.session)) {
                pump(transfer);
            }
        }
    }

    public void onSessionEnded(Session session, KvError error, String detail) {
        fetches.onSessionEnded(session);
        for (Outbound transfer : transfers.all()) {
            if (!session.equals(transfer.session)) {
                continue;
            }
            if (session.worthDiallingAgain() && transfer.ungranted()) {
                transfer.withdrawOffer();
                transfers.attach(transfer, sessions.dial(transfer.peer()));
                pump(transfer);
            } else {
                transfers.fail(transfer, error, detail, false);
            }
        }
    }

    public void tick() {
        fetches.tick(nowNs(), this::onUnserved);
        for (Outbound transfer : transfers.all()) {
            if (nowNs() - transfer.deadlineNs >= 0) {
                String detail = transfer + "; its time is over";
                transfers.fail(transfer, KvError.DEADLINE, detail, true);
            } else {
                pump(transfer);
            }
        }
    }

    private void onUnserved(PendingFetches.Pending pending) {
        if (pending.fetch().ticket() != 0) {
            String detail = "nobody has begun to compute it";
            cancel(pending.session(), pending.fetch().id(), KvError.DEADLINE, detail);
        }
    }

    public void close() {
        for (Outbound transfer : transfers.all()) {
            transfers.fail(transfer, KvError.CLOSED, "this connector is closing", true);
        }
    }

    private void pump(Outbound transfer) {
        int savedChunks = transfer.savedPieces() / transfer.layers();
        if (savedChunks > transfer.renewed && !transfer.saved()) {
            transfer.renewed = savedChunks;
            renew(transfer);
        }
        if (transfer.state == SendState.GRANTED) {
            if (transfer.session != null) {
                sends.post(transfer, transfer.session);
                if (transfer.owesTail()) {
                    sends.postEmptyTail(transfer, transfer.session);
                }
                tell(transfer, transfer.session);
            }
            if (transfer.received
                    && transfer.posted == transfer.wantedPieces()
                    && transfer.idle()) {
                transfers.conclude(transfer);
            }
        } else if (transfer.state == SendState.WAITING) {
            offer(transfer);
        }
    }

    // A receiver may load the first layers while the last ones travel, and waits for an attachment.
    private void tell(Outbound transfer, Session session) {
        if (transfer.saidSaved || !transfer.tellable()) {
            return;
        }
        if (transfer.tailGranted) {
            Frame frame =
                    new Frame.Attachment(transfer.id(), transfer.ticket, transfer.attachment());
            transfer.saidSaved = sessions.send(session, frame);
        } else if (session.device().plane().arrivesSoon()) {
            transfer.saidSaved = sessions.send(session, new Frame.Saved(transfer.id()));
        }
    }

    // All layers, also those that aren't computed yet.
    private void offer(Outbound transfer) {
        Session session = transfer.session;
        if (session == null || !session.open() || nowNs() - transfer.retryAtNs < 0) {
            return;
        }
        Frame offer =
                new Frame.Offer(
                        transfer.id(),
                        transfer.tokens(),
                        transfer.digest(),
                        0,
                        transfer.layers(),
                        transfer.chunks().tail());
        if (sessions.send(session, offer)) {
            transfer.moveTo(SendState.OFFERED);
        }
    }

    private void onSendEnded(Outbound transfer, @Nullable KvError error, String detail) {
        if (transfer.state == SendState.DRAINING) {
            if (transfer.idle()) {
                transfers.conclude(transfer);
            }
        } else if (error != null) {
            transfers.fail(transfer, error, detail, true);
        } else {
            pump(transfer);
        }
    }

    private void cancel(Session session, TransferId id, KvError error, String detail) {
        sessions.send(session, new Frame.Cancel(id, error, detail));
    }

    private long nowNs() {
        return clock.getAsLong();
    }
}
