// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.p2p.internal.memory.TransferMemory;
import io.kvlink.p2p.internal.session.Session;
import io.kvlink.p2p.internal.session.Sessions;
import io.kvlink.p2p.internal.transfer.TransferLimits;
import io.kvlink.p2p.internal.transfer.TransferStats;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.TransferId;
import java.util.concurrent.Executor;
import java.util.function.LongSupplier;

/**
 * Receiving side of the control thread: finds the transfer that an event is about, lets the {@link
 * ReceiveMachine} make a step, and has its effects run. Control thread only.
 */
public final class Inbox implements Grants.Listener {

    // Of one peer at a time; more of its offers are answered BUSY.
    private static final int MOST_OF_A_SESSION = 1024;

    private final Sessions sessions;
    private final TransferLimits limits;
    private final KvLayout layout;
    private final LongSupplier clock;
    private final ReceiveEffects effects;
    private final Receipts receipts = new Receipts();

    /**
     * Without a transfer so far.
     *
     * @param sessions to peers; borrowed
     * @param limits times
     * @param layout of the KV
     * @param memory where it goes; borrowed
     * @param stats counts
     * @param control runs something on the control thread
     * @param wakeup told that an expectation changed
     * @param clock the time
     */
    public Inbox(
            Sessions sessions,
            TransferLimits limits,
            KvLayout layout,
            TransferMemory memory,
            TransferStats stats,
            Executor control,
            Runnable wakeup,
            LongSupplier clock) {
        this.sessions = sessions;
        this.limits = limits;
        this.layout = layout;
        this.clock = clock;
        Grants grants = new Grants(layout, memory, control, this);
        effects = new ReceiveEffects(sessions, layout, stats, grants, this, wakeup);
    }

    /** Transfers that hold or await something; failed ones that await their request don't count. */
    public int transfers() {
        return receipts.count();
    }

    /** The engine has a request whose KV is to come. */
    public void expect(Expectation expectation) {
        Receipt receipt = receipts.find(id(expectation));
        if (receipt == null) {
            int tokens = expectation.request().transferTokens();
            receipt = unheard(id(expectation), tokens, expectation.digest());
        }
        step(receipt, new ReceiveEvent.Asked(moment(), expectation));
    }

    /** The engine no longer reads the transfer's memory, or no longer wants it. */
    public void release(Expectation expectation) {
        feed(id(expectation), new ReceiveEvent.Released(moment(), expectation));
    }

    private static TransferId id(Expectation expectation) {
        return expectation.request().route().orElseThrow().id();
    }

    private Unheard unheard(TransferId id, int tokens, long digest) {
        return new Unheard(new Subject(id, tokens, digest, new Arrival(layout.layers(), clock)));
    }

    /** A peer has, or will have, a transfer. */
    public void onOffer(Session session, Frame.Offer offer) {
        Receipt receipt = receipts.find(offer.id());
        if (receipt == null && session.transfers() >= MOST_OF_A_SESSION) {
            sessions.send(session, new Frame.Busy(offer.id(), Receipt.BUSY_MS));
            return;
        }
        if (receipt == null) {
            receipt = unheard(offer.id(), offer.tokens(), offer.digest());
        }
        boolean whole = offer.firstLayer() == 0 && offer.layers() == layout.layers();
        step(
                receipt,
                new ReceiveEvent.Offered(
                        moment(), session, offer.tokens(), offer.digest(), whole, offer.tail()));
    }

    /** The sender has computed all layers. */
    public void onSaved(Session session, Frame.Saved saved) {
        feed(saved.id(), new ReceiveEvent.Saved(moment(), session));
    }

    /** The sender has computed all layers, and something goes with them. */
    public void onAttachment(Session session, Frame.Attachment frame) {
        feed(
                frame.id(),
                new ReceiveEvent.Attached(moment(), session, frame.ticket(), frame.content()));
    }

    /** A peer has given a transfer up. */
    public void onCancel(Session session, Frame.Cancel cancel) {
        feed(
                cancel.id(),
                new ReceiveEvent.Cancelled(moment(), session, cancel.error(), cancel.detail()));
    }

    /** A session is open. */
    public void onSessionOpen(Session session) {
        ReceiveEvent opened = new ReceiveEvent.CallOpened(moment(), session);
        receipts.all().forEach(receipt -> feed(receipt.id(), opened));
    }

    /** A session is over. */
    public void onSessionEnded(Session session, KvError error, String detail) {
        Expectation.Failed why = new Expectation.Failed(error, detail);
        ReceiveEvent ended = new ReceiveEvent.SessionEnded(moment(), session, why);
        receipts.all().forEach(receipt -> feed(receipt.id(), ended));
    }

    /** Time has passed. */
    public void tick() {
        for (Receipt receipt : receipts.due(clock.getAsLong())) {
            feed(receipt.id(), new ReceiveEvent.DeadlinePassed(moment()));
        }
        effects.tick();
    }

    /** Fails what is under way, and frees what is here: the engine has stopped calling. */
    public void close() {
        for (Receipt receipt : receipts.all()) {
            feed(receipt.id(), new ReceiveEvent.Closed(moment()));
        }
    }

    @Override
    public void onChunk(TransferId id) {
        feed(id, new ReceiveEvent.ChunkReceived(moment()));
    }

    @Override
    public void onReceived(TransferId id) {
        feed(id, new ReceiveEvent.Received(moment()));
    }

    @Override
    public void onReceiveFailed(TransferId id, long bytes, KvError error, String detail) {
        Expectation.Failed why = new Expectation.Failed(error, detail);
        feed(id, new ReceiveEvent.ReceiveFailed(moment(), bytes, why));
    }

    /** The session that was dialled for a transfer was open already. */
    void onCallOpen(TransferId id, Session call) {
        feed(id, new ReceiveEvent.CallOpened(moment(), call));
    }

    /** True if a transfer still waits for what this call brings. */
    boolean awaits(ReceiveEffect.SendFetch fetch) {
        Receipt receipt = receipts.find(fetch.subject().id());
        if (receipt instanceof Called called) {
            return fetch.ticket().isEmpty() && fetch.call().equals(called.call());
        }
        return receipt instanceof Standing standing
                && fetch.ticket().filter(standing.ticket()::equals).isPresent();
    }

    /** The time now. */
    Moment moment() {
        long nowNs = clock.getAsLong();
        return new Moment(
                nowNs, nowNs + limits.transferTimeoutNs(), nowNs + limits.unclaimedTtlNs());
    }

    /** Something has happened to a transfer, if it is known here. */
    void feed(TransferId id, ReceiveEvent event) {
        Receipt receipt = receipts.find(id);
        if (receipt != null) {
            step(receipt, event);
        }
    }

    private void step(Receipt receipt, ReceiveEvent event) {
        Step step = ReceiveMachine.on(receipt, event);
        receipts.move(receipt, step.next(), event.at().nowNs());
        step.effects().forEach(effect -> effect.run(effects));
    }
}
