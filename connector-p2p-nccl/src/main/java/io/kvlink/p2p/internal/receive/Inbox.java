// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.arrival.Arrival;
import io.kvlink.p2p.internal.arrival.AwaitedKv;
import io.kvlink.p2p.internal.arrival.Expectation;
import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.p2p.internal.memory.TransferMemory;
import io.kvlink.p2p.internal.session.Session;
import io.kvlink.p2p.internal.session.Sessions;
import io.kvlink.p2p.internal.transfer.Part;
import io.kvlink.p2p.internal.transfer.RankMap;
import io.kvlink.p2p.internal.transfer.Tombstones;
import io.kvlink.p2p.internal.transfer.TransferLimits;
import io.kvlink.p2p.internal.transfer.TransferStats;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvLayerGroup;
import io.kvlink.spi.TransferId;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
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
    private final RankMap ranks;
    private final LongSupplier clock;
    private final ReceiveEffects effects;
    private final Map<TransferId, Receipt> receipts = new LinkedHashMap<>();
    private final Tombstones tombstones = new Tombstones();
    // Asked of an instance whose ranks aren't known yet.
    private final Set<AwaitedKv> unknown = new LinkedHashSet<>();
    // Of the receipts, those that have failed and only await that their request lets go.
    private int failed;

    /**
     * Inbox without a transfer so far.
     *
     * @param sessions to peers; borrowed
     * @param limits times
     * @param groups of this rank's layers
     * @param memory where it goes; borrowed
     * @param stats counts
     * @param control runs something on the control thread
     * @param wakeup told that an expectation changed
     * @param clock the time
     */
    public Inbox(
            Sessions sessions,
            TransferLimits limits,
            List<KvLayerGroup> groups,
            TransferMemory memory,
            TransferStats stats,
            Executor control,
            Runnable wakeup,
            LongSupplier clock) {
        this.sessions = sessions;
        this.limits = limits;
        ranks = new RankMap(groups);
        this.clock = clock;
        Grants grants = new Grants(memory, control, this);
        effects = new ReceiveEffects(sessions, stats, grants, this, wakeup);
    }

    /** Transfers that hold or await something; failed ones that await their request don't count. */
    public int transfers() {
        return receipts.size() - failed;
    }

    /** The engine has a request whose KV is to come. */
    public void expect(AwaitedKv kv) {
        Optional<Session> known = sessions.of(kv.prefill());
        if (known.isPresent()) {
            kv.comeFrom(sources(kv, known.get()));
        } else {
            unknown.add(kv);
        }
        kv.transfers().forEach(this::ask);
    }

    private void ask(Expectation expectation) {
        Receipt receipt = find(expectation.id());
        if (receipt == null) {
            receipt =
                    unheard(
                            expectation.id(),
                            expectation.request().transferTokens(),
                            expectation.digest(),
                            expectation.part());
        }
        step(receipt, new ReceiveEvent.Asked(moment(), expectation));
    }

    private List<Expectation> sources(AwaitedKv kv, Session session) {
        TransferId route = kv.request().route().orElseThrow().id();
        return ranks.sources(route, session.peerGroups()).stream()
                .map(
                        link ->
                                new Expectation(
                                        kv.request(),
                                        kv.digest(),
                                        link.id(),
                                        RankMap.address(kv.prefill(), link.rank()),
                                        link.part()))
                .toList();
    }

    /** The engine no longer reads the KV's memory, or no longer wants it. */
    public void release(AwaitedKv kv) {
        unknown.remove(kv);
        for (Expectation expectation : kv.transfers()) {
            feed(expectation.id(), new ReceiveEvent.Released(moment(), expectation));
        }
    }

    private Receipt unheard(TransferId id, int tokens, long digest, Part part) {
        return new Unheard(
                new Subject(id, tokens, digest, part, new Arrival(part.layers(), clock)));
    }

    /** A peer has, or will have, a transfer. */
    public void onOffer(Session session, Frame.Offer offer) {
        Receipt receipt = offered(session, offer);
        if (receipt == null && session.transfers() >= MOST_OF_A_SESSION) {
            sessions.send(session, new Frame.Busy(offer.id(), Receipt.BUSY_MS));
            return;
        }
        if (receipt == null) {
            Optional<Part> part = partOf(session, offer.group());
            if (part.isEmpty()) {
                refuse(session, offer);
                return;
            }
            receipt = unheard(offer.id(), offer.tokens(), offer.digest(), part.get());
        }
        boolean whole = receipt instanceof Receipt.Known known && whole(offer, known);
        step(
                receipt,
                new ReceiveEvent.Offered(
                        moment(), session, offer.tokens(), offer.digest(), whole, offer.tail()));
    }

    // A transfer of a request that has left before its ranks were known is over, too.
    private @Nullable Receipt offered(Session session, Frame.Offer offer) {
        Receipt receipt = find(offer.id());
        if (receipt != null || offer.group() >= session.peerGroups().size()) {
            return receipt;
        }
        TransferId route = ranks.routeOfOffered(offer.id(), offer.group(), session.peerGroups());
        KvError told = tombstones.of(route);
        return told == null ? null : new Over(offer.id(), told);
    }

    private static boolean whole(Frame.Offer offer, Receipt.Known receipt) {
        Part part = receipt.subject().part();
        return offer.group() == part.number() && offer.layers() == part.layers();
    }

    // What this rank reads from a peer's.
    private Optional<Part> partOf(Session session, int group) {
        int rank = session.peerRank();
        return ranks.sources(new TransferId(0, 0, 0), session.peerGroups()).stream()
                .filter(link -> link.rank() == rank)
                .map(RankMap.Link::part)
                .filter(part -> part.number() == group)
                .findFirst();
    }

    private void refuse(Session session, Frame.Offer offer) {
        String detail =
                "rank %d reads nothing of group %d of rank %d"
                        .formatted(ranks.rank(), offer.group(), session.peerRank());
        sessions.send(session, new Frame.Cancel(offer.id(), KvError.LAYOUT_MISMATCH, detail));
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
        List<AwaitedKv> known = unknown.stream().filter(kv -> session.with(kv.prefill())).toList();
        unknown.removeAll(known);
        known.forEach(kv -> onRanksKnown(kv, session));
        feedAll(new ReceiveEvent.CallOpened(moment(), session));
    }

    // What was asked of the instance is asked of its ranks. What has come from them stays.
    private void onRanksKnown(AwaitedKv kv, Session session) {
        List<Expectation> before = kv.transfers();
        List<Expectation> after =
                sources(kv, session).stream()
                        .map(
                                wanted ->
                                        before.stream()
                                                .filter(asked -> serves(asked, wanted))
                                                .findFirst()
                                                .orElse(wanted))
                        .toList();
        before.stream().filter(asked -> !after.contains(asked)).forEach(this::drop);
        kv.comeFrom(after);
        after.stream().filter(wanted -> !before.contains(wanted)).forEach(this::ask);
    }

    private boolean serves(Expectation asked, Expectation wanted) {
        return asked.id().equals(wanted.id())
                && asked.part().equals(wanted.part())
                && (asked.source().equals(wanted.source())
                        || !(receipts.get(asked.id()) instanceof Calling));
    }

    // Nothing is leased while it calls.
    private void drop(Expectation asked) {
        if (receipts.get(asked.id()) instanceof Calling) {
            receipts.remove(asked.id());
        } else {
            feed(asked.id(), new ReceiveEvent.Released(moment(), asked));
        }
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
