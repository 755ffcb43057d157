// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.p2p.internal.memory.TransferMemory;
import io.kvlink.p2p.internal.session.Session;
import io.kvlink.p2p.internal.session.Sessions;
import io.kvlink.p2p.internal.transfer.Tombstones;
import io.kvlink.p2p.internal.transfer.TransferLimits;
import io.kvlink.p2p.internal.transfer.TransferStats;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.TransferId;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Receiving side of the control thread. Finds the transfer that an event is about, has the {@link
 * ReceiveMachine} make a step, and has its effects run. Owns the states of all transfers on their
 * way in, and the tombstones of those that have ended. Control thread only.
 */
public final class Inbox {

    // Of one peer at a time; more of its offers are answered BUSY.
    private static final int MOST_OF_A_SESSION = 1024;

    private final Sessions sessions;
    private final TransferLimits limits;
    private final KvLayout layout;
    private final LongSupplier clock;
    private final ReceiveEffects effects;
    private final Map<TransferId, Receipt> receipts = new LinkedHashMap<>();
    private final Tombstones tombstones = new Tombstones();
    // Of the receipts, those that have failed and only await that their request lets go.
    private int failed;

    /**
     * Inbox without a transfer so far.
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
        return receipts.size() - failed;
    }

    /** The engine has a request whose KV is to come. */
    public void expect(Expectation expectation) {
        Receipt receipt = find(id(expectation));
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

    private Receipt unheard(TransferId id, int tokens, long digest) {
        return new Unheard(new Subject(id, tokens, digest, new Arrival(layout.layers(), clock)));
    }

    /** A peer has, or will have, a transfer. */
    public void onOffer(Session session, Frame.Offer offer) {
        Receipt receipt = find(offer.id());
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
        Expectation.Failed why =
                new Expectation.Failed(cancel.error(), "told by the peer: " + cancel.detail());
        feed(cancel.id(), new ReceiveEvent.Cancelled(moment(), session, why));
    }

    /** A session is open. */
    public void onSessionOpen(Session session) {
        feedAll(new ReceiveEvent.CallOpened(moment(), session));
    }

    /** A session is over. */
    public void onSessionEnded(Session session, KvError error, String detail) {
        Expectation.Failed why = new Expectation.Failed(error, detail);
        feedAll(new ReceiveEvent.SessionEnded(moment(), session, why));
    }

    /** Fails what is under way, and frees what is here: the engine has stopped calling. */
    public void close() {
        feedAll(new ReceiveEvent.Closed(moment()));
    }

    /** Time has passed. */
    public void tick() {
        ReceiveEvent.Moment at = moment();
        receipts.values().stream()
                .filter(receipt -> receipt.due(at.nowNs()))
                .toList() // Some end.
                .forEach(receipt -> feed(receipt.id(), new ReceiveEvent.DeadlinePassed(at)));
        effects.tick();
    }

    /** True if a transfer still waits for what this call brings. */
    boolean awaits(ReceiveEffect.SendFetch fetch) {
        Receipt receipt = receipts.get(fetch.subject().id());
        if (receipt instanceof Called called) {
            return fetch.ticket().isEmpty() && fetch.call().equals(called.call());
        }
        return receipt instanceof Standing standing
                && fetch.ticket().filter(standing.ticket()::equals).isPresent();
    }

    /** The time now. */
    ReceiveEvent.Moment moment() {
        long nowNs = clock.getAsLong();
        return new ReceiveEvent.Moment(
                nowNs, nowNs + limits.transferTimeoutNs(), nowNs + limits.unclaimedTtlNs());
    }

    /** Something has happened to a transfer; nothing if it isn't known here. */
    void feed(TransferId id, ReceiveEvent event) {
        Receipt receipt = find(id);
        if (receipt != null) {
            step(receipt, event);
        }
    }

    // Some may end while the others hear.
    private void feedAll(ReceiveEvent event) {
        List.copyOf(receipts.keySet()).forEach(id -> feed(id, event));
    }

    private @Nullable Receipt find(TransferId id) {
        Receipt receipt = receipts.get(id);
        KvError told = receipt == null ? tombstones.of(id) : null;
        return told == null ? receipt : new Over(id, told);
    }

    private void step(Receipt receipt, ReceiveEvent event) {
        ReceiveMachine.Step step = ReceiveMachine.on(receipt, event);
        if (step.next() != receipt) {
            move(receipt, step.next(), event.at().nowNs());
        }
        step.effects().forEach(effects::run);
    }

    private void move(Receipt from, Receipt to, long nowNs) {
        if (!from.session().equals(to.session())) {
            to.session().ifPresent(session -> session.join());
            from.session().ifPresent(session -> session.leave(nowNs));
        }
        failed += hasFailed(to) - hasFailed(from);
        if (to instanceof Over over) {
            receipts.remove(over.id());
            tombstones.put(over.id(), over.told(), nowNs);
        } else {
            receipts.put(to.id(), to);
        }
    }

    private static int hasFailed(Receipt receipt) {
        return receipt instanceof Failed || receipt instanceof Spoiled ? 1 : 0;
    }
}
