// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.send;

import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.p2p.internal.send.EarlyFetches.Early;
import io.kvlink.p2p.internal.send.SendEvent.Refused;
import io.kvlink.p2p.internal.send.SendState.Failure;
import io.kvlink.p2p.internal.send.SendState.Ticket;
import io.kvlink.p2p.internal.session.Session;
import io.kvlink.p2p.internal.session.Sessions;
import io.kvlink.p2p.internal.transfer.RankMap;
import io.kvlink.p2p.internal.transfer.Tombstones;
import io.kvlink.p2p.internal.transfer.TransferLimits;
import io.kvlink.p2p.internal.transfer.TransferStats;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvLayerGroup;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferOutcome;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sending side of a node: finds the transfer that something happened to, asks its {@link
 * SendMachine}, and brings the effects about, in order. Owns the transfers that haven't ended and
 * the tombstones of those that have. A transfer counts among the transfers of the session that its
 * state names. Control thread only.
 */
public final class Sender {

    private static final Logger logger = LoggerFactory.getLogger(Sender.class);

    private final Sessions sessions;
    private final TransferLimits limits;
    private final LongSupplier clock;
    private final RankMap ranks;

    private final Map<TransferId, OutboundTransfer> transfers = new LinkedHashMap<>();
    private final Tombstones tombstones = new Tombstones();
    private final EarlyFetches fetches = new EarlyFetches();
    private final SendEffects effects;

    /** Nothing is to be sent yet. */
    public Sender(
            Sessions sessions,
            List<KvLayerGroup> groups,
            TransferLimits limits,
            TransferStats stats,
            Executor control,
            Consumer<TransferOutcome> finished,
            LongSupplier clock) {
        this.sessions = sessions;
        ranks = new RankMap(groups);
        this.limits = limits;
        this.clock = clock;
        effects = new SendEffects(sessions, stats, control, finished, this, clock);
    }

    /** Transfers that haven't ended. */
    public int transfers() {
        return transfers.size();
    }

    /** A request's KV begins to be saved; none of its layers need be yet. */
    public void start(SavedKv kv) {
        OutboundTransfer first = kv.transfers().get(0);
        if (!add(first, nowNs())) {
            refuseItself(first, KvError.BAD_ROUTE, "is under way already");
            return;
        }
        asking(kv).ifPresent(session -> goTo(kv, session));
        kv.transfers().forEach(this::begin);
        effects.endIfOver(kv);
        if (kv.waitsForFetch() && kv.receiver().isEmpty() && ranks.ranks() > 1) {
            sessions.dial(kv.decode()); // Perhaps nobody reads from this rank.
        }
    }

    private void begin(OutboundTransfer transfer) {
        TransferId id = transfer.id();
        Optional<SendEvent.Fetched> fetch =
                fetches.take(id).map(early -> fetched(transfer, early.session(), early.fetch()));
        KvError over = tombstones.of(id);
        if (!transfer.equals(transfers.get(id))) {
            refuseItself(transfer, KvError.BAD_ROUTE, "is under way already");
        } else if (transfer.machine().held() && over != null) {
            refuseItself(transfer, over, "has ended already");
        } else {
            feed(transfer, new SendEvent.Started(fetch));
        }
    }

    /** The KV can't even begin to be saved: whoever fetches it is told why. */
    public void refuse(SavedKv kv, KvError error, String detail) {
        boolean added = add(kv.transfers().get(0), nowNs());
        if (added) {
            asking(kv).ifPresent(session -> goTo(kv, session));
        }
        for (OutboundTransfer transfer : kv.transfers()) {
            var fetch = added ? fetches.take(transfer.id()) : Optional.<Early>empty();
            step(transfer, new Refused(new Failure(error, detail), fetch.map(Early::session)));
        }
        effects.endIfOver(kv);
    }

    // A session with a rank that may read, if one is open.
    private Optional<Session> asking(SavedKv kv) {
        return sessions.of(kv.decode())
                .or(() -> kv.waitsForFetch() ? fetches.asking(kv.id()) : Optional.empty());
    }

    /** Makes a transfer for each rank of an instance that reads from here. */
    private void goTo(SavedKv kv, Session session) {
        OutboundTransfer first = kv.transfers().get(0);
        HostPort instance = kv.waitsForFetch() ? session.instance() : kv.decode();
        List<OutboundTransfer> toRanks = new ArrayList<>();
        for (RankMap.Link link : ranks.readers(kv.id(), session.peerGroups())) {
            HostPort to = RankMap.address(instance, link.rank());
            boolean same = link.part().equals(first.part()) && link.id().equals(first.id());
            boolean there = kv.waitsForFetch() || to.equals(first.machine().receiver());
            toRanks.add(
                    same && there ? first : new OutboundTransfer(kv, link.id(), to, link.part()));
        }
        kv.goTo(instance, List.copyOf(toRanks));
        if (!toRanks.contains(first)) {
            transfers.remove(first.id());
            count(first.state().session(), null);
        }
        toRanks.stream()
                .filter(transfer -> transfer != first)
                .forEach(transfer -> add(transfer, first.startedNs()));
        if (!toRanks.equals(List.of(first))) {
            logger.debug("transfer={} goes to ranks of {}: {}", first.id(), instance, toRanks);
        }
    }

    // False if another one of its id is under way.
    private boolean add(OutboundTransfer transfer, long startedNs) {
        boolean held = transfer.machine().held();
        transfer.onStart(startedNs, held ? limits.getLeaseNs() : limits.transferTimeoutNs());
        return transfers.putIfAbsent(transfer.id(), transfer) == null;
    }

    private void refuseItself(OutboundTransfer transfer, KvError error, String why) {
        Failure failure = new Failure(error, "transfer=" + transfer.id() + " " + why);
        step(transfer, new Refused(failure, Optional.empty()));
    }

    /** The ranks of a peer have become known. */
    private void onRanksKnown(SavedKv kv, Session session) {
        List<OutboundTransfer> before = kv.transfers();
        goTo(kv, session);
        kv.transfers().stream().filter(it -> !before.contains(it)).forEach(this::begin);
        effects.endIfOver(kv);
    }

    /** A piece was saved. */
    public void onSaved(SavedKv kv) {
        kv.transfers().forEach(this::look);
    }

    /** The tail is saved, and this goes with it; only the first call counts. */
    public void attach(SavedKv kv, Optional<ByteBuffer> content) {
        kv.attach(content);
        kv.transfers().forEach(this::look);
    }

    /** The engine gives the KV up: it will not be saved to its end. */
    public void abort(SavedKv kv) {
        for (OutboundTransfer transfer : kv.transfers()) {
            feed(transfer, new SendEvent.Aborted(transfer.pieces().count()));
        }
    }

    /** A frame came that may be about a transfer on its way out. */
    public void onFrame(Session session, Frame frame) {
        if (frame instanceof Frame.Fetch fetch) {
            onFetch(session, fetch);
        } else if (frame instanceof Frame.Grant grant) {
            onGrant(session, grant);
        } else if (frame instanceof Frame.Busy busy) {
            // Without a look: the next offer waits for a tick, however short it is to wait.
            int ms = busy.retryAfterMs();
            find(busy.id()).ifPresent(it -> step(it, new SendEvent.Busy(session, nowNs(), ms)));
        } else if (frame instanceof Frame.Done done) {
            find(done.id()).ifPresent(it -> feed(it, new SendEvent.Done(session, done.ticket())));
        } else if (frame instanceof Frame.Cancel cancel) {
            onCancel(session, cancel);
        }
    }

    private Optional<OutboundTransfer> find(TransferId id) {
        return Optional.ofNullable(transfers.get(id));
    }

    private void onFetch(Session session, Frame.Fetch fetch) {
        List<TransferId> routes = ranks.routesOfSent(fetch.id(), session.peerGroups());
        for (TransferId route : routes) {
            OutboundTransfer first = transfers.get(route);
            if (first != null && first.kv().receiver().isEmpty() && mayRead(first.kv(), session)) {
                onRanksKnown(first.kv(), session);
            }
        }
        OutboundTransfer transfer = transfers.get(fetch.id());
        KvError over = over(fetch.id(), routes);
        if (transfer != null) {
            feed(transfer, fetched(transfer, session, fetch));
        } else if (over != null) {
            cancel(session, fetch.id(), over, "the transfer has ended here");
        } else if (!fetches.put(session, fetch, routes, nowNs() + limits.transferTimeoutNs())
                && fetch.ticket() != 0) {
            cancel(session, fetch.id(), KvError.NO_SPACE, "too many wait for their transfers");
        }
    }

    private @Nullable KvError over(TransferId id, List<TransferId> routes) {
        KvError over = tombstones.of(id);
        for (int i = 0; over == null && i < routes.size(); i++) {
            over = tombstones.of(routes.get(i));
        }
        return over;
    }

    // What is pushed goes to the route's decode instance, what is held to the first that fetches.
    private static boolean mayRead(SavedKv kv, Session session) {
        return kv.waitsForFetch() || session.with(kv.decode());
    }

    private static SendEvent.Fetched fetched(
            OutboundTransfer transfer, Session session, Frame.Fetch fetch) {
        Optional<Ticket> ticket =
                fetch.ticket() == 0
                        ? Optional.empty()
                        : Optional.of(ticket(session, fetch.ticket(), fetch.tail(), true));
        return new SendEvent.Fetched(
                session, entitled(transfer, session), fetch.tokens(), fetch.digest(), ticket);
    }

    private static boolean entitled(OutboundTransfer transfer, Session session) {
        Session taken = transfer.state().session();
        SendMachine machine = transfer.machine();
        return machine.held()
                ? transfer.kv().receiver().equals(Optional.of(session.instance()))
                        && (taken == null || session.samePeer(taken))
                : session.peerAddress().equals(Optional.of(machine.receiver()));
    }

    private static Ticket ticket(Session session, long number, boolean tail, boolean standing) {
        boolean arrivesSoon = session.device().plane().arrivesSoon();
        return new Ticket(number, tail, standing, session.planeName(), arrivesSoon);
    }

    private void onGrant(Session session, Frame.Grant grant) {
        OutboundTransfer transfer = transfers.get(grant.id());
        if (transfer == null
                || grant.group() != transfer.machine().group()
                || grant.layers() != transfer.machine().layers()) {
            cancel(session, grant.id(), KvError.NO_SUCH_TRANSFER, "no such offer");
        } else {
            Ticket ticket = ticket(session, grant.ticket(), grant.tail(), false);
            feed(transfer, new SendEvent.Granted(session, ticket));
        }
    }

    private void onCancel(Session session, Frame.Cancel cancel) {
        Failure told = new Failure(cancel.error(), "told by the peer: " + cancel.detail());
        find(cancel.id()).ifPresent(it -> step(it, new SendEvent.Cancelled(session, told)));
        if (fetches.withdraw(cancel.id(), session)) {
            // Whoever computes it later need not hold it for nobody.
            tombstones.put(cancel.id(), cancel.error(), nowNs());
        }
    }

    /** A session is open: its transfers can be offered. */
    public void onSessionOpen(Session session) {
        List<SavedKv> unknown =
                all().stream()
                        .map(OutboundTransfer::kv)
                        .filter(kv -> kv.receiver().isEmpty())
                        .filter(kv -> session.with(kv.decode()))
                        .toList();
        unknown.forEach(kv -> onRanksKnown(kv, session));
        on(session).forEach(this::look);
    }

    /** A session is over: its transfers move to another one, or fail. */
    public void onSessionEnded(Session session, KvError error, String detail) {
        fetches.onSessionEnded(session);
        Failure failure = new Failure(error, detail);
        on(session)
                .forEach(
                        transfer -> {
                            boolean again = session.worthDiallingAgain(transfer.startedNs());
                            feed(transfer, new SendEvent.SessionEnded(session, failure, again));
                        });
    }

    /** Time passes. */
    public void tick() {
        long nowNs = nowNs();
        fetches.tick(nowNs, this::onUnserved);
        for (OutboundTransfer transfer : all()) {
            if (transfer.late(nowNs)) {
                step(transfer, new SendEvent.DeadlinePassed(transfer + "; its time is over"));
            } else {
                look(transfer);
            }
        }
    }

    private void onUnserved(Early early) {
        if (early.fetch().ticket() != 0) {
            String detail = "nobody has begun to compute it";
            cancel(early.session(), early.fetch().id(), KvError.DEADLINE, detail);
        }
    }

    /** Fails what is under way. */
    public void close() {
        all().forEach(transfer -> step(transfer, new SendEvent.Closing()));
    }

    /** The device has let go of pieces. */
    void onPiecesEnded(OutboundTransfer transfer, Optional<Failure> failure) {
        feed(transfer, new SendEvent.PiecesEnded(failure, transfer.idle()));
    }

    private List<OutboundTransfer> on(Session session) {
        return all().stream().filter(it -> session.equals(it.state().session())).toList();
    }

    // Some may end while the caller goes through them.
    private List<OutboundTransfer> all() {
        return List.copyOf(transfers.values());
    }

    // The look comes after the event: a piece that is saved while an offer is out wakes nobody.
    private void feed(OutboundTransfer transfer, SendEvent event) {
        step(transfer, event);
        look(transfer);
    }

    private void look(OutboundTransfer transfer) {
        step(transfer, transfer.progress(nowNs()));
    }

    /** Something has happened to a transfer: its machine makes a step. */
    void step(OutboundTransfer transfer, SendEvent event) {
        Session before = transfer.state().session();
        List<SendEffect> wanted = transfer.on(event);
        count(before, transfer.state().session());
        for (SendEffect effect : wanted) {
            effects.run(transfer, effect);
        }
    }

    private void count(@Nullable Session before, @Nullable Session after) {
        if (before == after) {
            return;
        }
        if (before != null) {
            before.leave(nowNs());
        }
        if (after != null) {
            after.join();
        }
    }

    /** A transfer has ended so: latecomers hear of it. */
    void forget(OutboundTransfer transfer, Optional<Failure> failure) {
        if (transfers.remove(transfer.id(), transfer)) {
            KvError told = failure.map(Failure::error).orElse(KvError.NO_SUCH_TRANSFER);
            tombstones.put(transfer.id(), told, nowNs());
        }
    }

    private void cancel(Session session, TransferId id, KvError error, String detail) {
        sessions.send(session, new Frame.Cancel(id, error, detail));
    }

    private long nowNs() {
        return clock.getAsLong();
    }
}
