// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.transfer;

import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.p2p.internal.dataplane.DataPlane;
import io.kvlink.p2p.internal.dataplane.DataPlane.ReceiveListener;
import io.kvlink.p2p.internal.dataplane.DataPlane.ReceiveOp;
import io.kvlink.p2p.internal.memory.LayerLeases;
import io.kvlink.p2p.internal.memory.TransferMemory;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferOutcome;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The receiving state machine. Leases memory for all layers of a transfer before the first is
 * granted, grants in lane order, and ends each transfer exactly once. Control thread only; what the
 * device thread reports comes back through the control thread's queue.
 */
final class Inbox {

    private static final Logger logger = LoggerFactory.getLogger(Inbox.class);
    private static final int BUSY_MS = 5;
    // Of one peer at a time; more of its offers are answered BUSY.
    private static final int MOST_OF_A_SESSION = 1024;

    private final Sessions sessions;
    private final TransferLimits limits;
    private final KvLayout layout;
    private final TransferMemory memory;
    private final TransferStats stats;
    private final Executor control;
    // Tells the engine that an expectation's status changed.
    private final Runnable wakeup;
    private final LongSupplier clock;
    private final Supplier<Lane> newLane;

    private final Tombstones tombstones = new Tombstones();
    private final Map<TransferId, Inbound> transfers = new LinkedHashMap<>();
    private final Map<DeviceAgent, Lane> lanes = new HashMap<>();
    private long lastTicket;
    // How many of the transfers are FAILED.
    private int failed;

    Inbox(
            Sessions sessions,
            TransferLimits limits,
            KvLayout layout,
            TransferMemory memory,
            TransferStats stats,
            Executor control,
            Runnable wakeup,
            LongSupplier clock,
            Supplier<Lane> newLane) {
        this.sessions = sessions;
        this.limits = limits;
        this.layout = layout;
        this.memory = memory;
        this.stats = stats;
        this.control = control;
        this.wakeup = wakeup;
        this.clock = clock;
        this.newLane = newLane;
    }

    /** Transfers that hold or await something; failed ones that await their request don't count. */
    int transfers() {
        return transfers.size() - failed;
    }

    /** The engine has a request whose KV is to come. */
    void expect(Expectation expectation) {
        TransferId id = expectation.request().route().orElseThrow().id();
        KvError over = tombstones.of(id);
        Inbound inbound = transfers.get(id);
        if (inbound == null && over != null) {
            settle(expectation, new Expectation.Failed(over, "transfer=" + id + " has ended here"));
            return;
        }
        int tokens = expectation.request().transferTokens();
        if (inbound == null) {
            inbound = begin(id, tokens, expectation.digest());
        } else if (inbound.expectation != null) {
            settle(
                    expectation,
                    new Expectation.Failed(
                            KvError.BAD_ROUTE, "transfer=" + id + " belongs to another request"));
            return;
        }
        if (inbound.failure != null) {
            settle(expectation, inbound.failure); // What is still being drained ends by itself.
            return;
        }
        inbound.expectation = expectation;
        inbound.deadlineNs = nowNs() + limits.transferTimeoutNs();
        if (inbound.tokens != tokens || inbound.digest != expectation.digest()) {
            String detail = prompts(tokens, inbound.tokens);
            fail(inbound, KvError.PROMPT_MISMATCH, detail, true);
        } else if (inbound.state == ReceiveState.COMPLETE) {
            publish(inbound);
        } else if (inbound.session == null) {
            ask(inbound, expectation.request().route().orElseThrow().prefill());
        }
    }

    /** The engine no longer reads the transfer's memory, or no longer wants it. */
    void release(Expectation expectation) {
        TransferId id = expectation.request().route().orElseThrow().id();
        Inbound inbound = transfers.get(id);
        if (inbound == null || inbound.expectation != expectation) {
            return;
        }
        inbound.expectation = null;
        if (inbound.state == ReceiveState.COMPLETE) {
            end(inbound, KvError.NO_SUCH_TRANSFER);
        } else if (inbound.state == ReceiveState.FAILED) {
            end(inbound, KvError.CANCELLED);
        } else if (inbound.state != ReceiveState.DRAINING) {
            fail(inbound, KvError.CANCELLED, "the consumer gave the request up", true);
        }
    }

    void onOffer(Session session, Frame.Offer offer) {
        KvError over = tombstones.of(offer.id());
        if (over != null) {
            cancel(session, offer.id(), over, "the transfer has ended here");
            return;
        }
        Inbound inbound = transfers.get(offer.id());
        if (inbound == null && session.transfers >= MOST_OF_A_SESSION) {
            sessions.send(session, new Frame.Busy(offer.id(), BUSY_MS));
            return;
        }
        if (inbound == null) {
            inbound = begin(offer.id(), offer.tokens(), offer.digest());
        }
        if (offer.tokens() != inbound.tokens || offer.digest() != inbound.digest) {
            String detail = prompts(inbound.tokens, offer.tokens());
            refuse(inbound, session, KvError.PROMPT_MISMATCH, detail);
            return;
        }
        if (!fits(inbound, session, offer)) {
            refuse(inbound, session, KvError.MALFORMED_FRAME, offer + " doesn't fit " + inbound);
            return;
        }
        if (inbound.session == null) {
            inbound.session = session;
            session.transfers++;
            inbound.startedNs = nowNs();
        }
        inbound.groupFirst = offer.firstLayer();
        inbound.groupEnd = offer.firstLayer() + offer.layers();
        if (inbound.state == ReceiveState.EXPECTED && !reserve(inbound, session)) {
            return;
        }
        if (session.device().plane().sharedLane()) {
            inbound.moveTo(ReceiveState.QUEUED);
            lane(session).enqueue(inbound);
            grantNext(session);
        } else {
            grant(inbound, session);
        }
    }

    void onCancel(Session session, Frame.Cancel cancel) {
        Inbound inbound = transfers.get(cancel.id());
        if (inbound != null
                && inbound.state != ReceiveState.COMPLETE
                && (session.equals(inbound.session)
                        || (inbound.session == null && session.equals(inbound.interest)))) {
            fail(inbound, cancel.error(), "told by the peer: " + cancel.detail(), false);
        }
    }

    void onSessionOpen(Session session) {
        for (Inbound inbound : transfers.values()) {
            if (session.equals(inbound.interest)) {
                fetch(inbound);
            }
        }
    }

    void onSessionEnded(Session session, KvError error, String detail) {
        for (Inbound inbound : List.copyOf(transfers.values())) {
            boolean asks = inbound.session == null && session.equals(inbound.interest);
            if (asks && session.worthDiallingAgain() && inbound.failure == null) {
                ask(inbound, session.address);
            } else if ((asks || session.equals(inbound.session))
                    && inbound.state != ReceiveState.COMPLETE) {
                fail(inbound, error, detail, false);
            }
        }
    }

    void tick() {
        long nowNs = nowNs();
        for (Inbound inbound : List.copyOf(transfers.values())) {
            boolean owned =
                    inbound.expectation != null
                            && (inbound.state == ReceiveState.COMPLETE
                                    || inbound.state == ReceiveState.FAILED);
            if (!owned && nowNs - inbound.deadlineNs >= 0) {
                if (inbound.state == ReceiveState.COMPLETE) {
                    logger.warn("transfer={} was never asked for", inbound.id);
                    end(inbound, KvError.NO_SUCH_TRANSFER);
                } else {
                    fail(inbound, KvError.DEADLINE, inbound + "; its time is over", true);
                }
            }
            fetch(inbound); // Once more, if it couldn't be sent.
        }
    }

    /** Fails what is under way, and frees what is here: the engine has stopped calling. */
    void close() {
        for (Inbound inbound : List.copyOf(transfers.values())) {
            if (inbound.state == ReceiveState.COMPLETE || inbound.state == ReceiveState.FAILED) {
                end(inbound, KvError.CLOSED);
            } else {
                fail(inbound, KvError.CLOSED, "this connector is closing", true);
            }
        }
    }

    private Inbound begin(TransferId id, int tokens, long digest) {
        Inbound inbound = new Inbound(id, tokens, digest);
        inbound.startedNs = nowNs();
        inbound.deadlineNs = nowNs() + limits.unclaimedTtlNs();
        transfers.put(id, inbound);
        return inbound;
    }

    // Calls the prefill instance: to fetch, and to hear soon if it isn't there.
    private void ask(Inbound inbound, HostPort prefill) {
        Session interest = sessions.dial(prefill);
        interest.transfers++;
        inbound.interest = interest;
        inbound.fetched = false;
        fetch(inbound);
    }

    // Says "send me this" once the session is there. A producer that pushes anyway ignores it.
    private void fetch(Inbound inbound) {
        Session interest = inbound.interest;
        boolean wanted = inbound.session == null && inbound.failure == null;
        if (wanted && interest != null && interest.open() && !inbound.fetched) {
            inbound.fetched = sessions.send(interest, new Frame.Fetch(inbound.id));
        }
    }

    private boolean fits(Inbound inbound, Session session, Frame.Offer offer) {
        boolean expected =
                inbound.state == ReceiveState.EXPECTED || inbound.state == ReceiveState.RESERVED;
        return expected
                && mayOffer(inbound, session)
                && offer.firstLayer() == inbound.received
                && offer.firstLayer() + offer.layers() <= layout.layers();
    }

    private static boolean mayOffer(Inbound inbound, Session session) {
        return inbound.session == null || inbound.session.equals(session);
    }

    // A stranger's offer, or one for what is here already, harms nobody but its sender.
    private void refuse(Inbound inbound, Session session, KvError error, String detail) {
        cancel(session, inbound.id, error, detail);
        if (mayOffer(inbound, session) && inbound.state != ReceiveState.COMPLETE) {
            fail(inbound, error, detail, false);
        }
    }

    private static String prompts(int ours, int theirs) {
        return "prompt differs: tokens=" + ours + "/" + theirs + " (ours/theirs) or their ids";
    }

    private boolean reserve(Inbound inbound, Session session) {
        long layerBytes = layout.layerBytes(inbound.tokens);
        if (!memory.canEverFit(layout.layers(), layerBytes)) {
            String detail =
                    "layers=%d layerBytes=%d; raise kv_buffer_size or mem_pool_size_gb"
                            .formatted(layout.layers(), layerBytes);
            fail(inbound, KvError.TOO_LARGE, detail, true);
            return false;
        }
        inbound.leases = memory.tryLease(layout.layers(), layerBytes, inbound.id.toString());
        if (inbound.leases == null) {
            stats.onBusy();
            sessions.send(session, new Frame.Busy(inbound.id, BUSY_MS));
            return false;
        }
        inbound.moveTo(ReceiveState.RESERVED);
        return true;
    }

    private Lane lane(Session session) {
        return lanes.computeIfAbsent(session.device(), device -> newLane.get());
    }

    private void grantNext(Session session) {
        Inbound next;
        while ((next = lane(session).next()) != null) {
            if (next.session == null) {
                throw new IllegalStateException("in the lane without a session: " + next);
            }
            grant(next, next.session);
        }
    }

    private void grant(Inbound inbound, Session session) {
        LayerLeases leases = inbound.leases;
        if (leases == null) {
            throw new IllegalStateException("granted without memory: " + inbound);
        }
        inbound.moveTo(ReceiveState.GRANTED);
        inbound.ticket = ++lastTicket;
        ReceiveOp op =
                new ReceiveOp(
                        session.endpoint,
                        inbound.ticket,
                        inbound.groupFirst,
                        leases.regions().subList(inbound.groupFirst, inbound.groupEnd),
                        new Received(inbound));
        session.device().submit(plane -> receive(plane, op));
        Frame grant =
                new Frame.Grant(
                        inbound.id,
                        inbound.ticket,
                        inbound.groupFirst,
                        inbound.groupEnd - inbound.groupFirst);
        if (!sessions.send(session, grant)) {
            fail(inbound, KvError.PEER_LOST, "GRANT could not be queued; " + session, false);
        }
    }

    // On the device thread. What a plane throws ends the operation, or it would never end.
    private static void receive(DataPlane plane, ReceiveOp op) {
        try {
            plane.receive(op);
        } catch (RuntimeException defect) {
            op.listener()
                    .onReceiveFailed(op, KvError.INTERNAL, "plane=" + plane.name() + " " + defect);
        }
    }

    /** Brings the device thread's reports back to the control thread: one for all layers. */
    private final class Received implements ReceiveListener {
        private final Inbound inbound;
        // The device thread's own.
        private int layers;

        Received(Inbound inbound) {
            this.inbound = inbound;
        }

        @Override
        public void onLayerReceived(ReceiveOp op, int layer) {
            layers++;
            if (layers == op.destinations().size()) {
                control.execute(() -> onGroup(inbound));
            }
        }

        @Override
        public void onReceiveFailed(ReceiveOp op, KvError error, String detail) {
            int arrived = layers;
            control.execute(
                    () -> {
                        inbound.received += arrived;
                        onEnded(inbound, error, detail);
                    });
        }
    }

    private void onGroup(Inbound inbound) {
        inbound.received = inbound.groupEnd;
        if (inbound.state == ReceiveState.DRAINING) {
            drained(inbound);
            return;
        }
        Session session = inbound.session;
        if (session == null) {
            throw new IllegalStateException("received without a session: " + inbound);
        }
        if (inbound.received == layout.layers()) {
            inbound.moveTo(ReceiveState.COMPLETE);
            if (inbound.expectation == null) {
                inbound.deadlineNs = nowNs() + limits.unclaimedTtlNs();
            } else {
                publish(inbound);
            }
        } else {
            inbound.moveTo(ReceiveState.RESERVED);
        }
        // After the engine was woken: the producer is in less of a hurry.
        sessions.send(session, new Frame.Done(inbound.id, inbound.ticket));
        releaseLane(session);
    }

    private void onEnded(Inbound inbound, KvError error, String detail) {
        if (inbound.state == ReceiveState.DRAINING) {
            drained(inbound);
        } else {
            inbound.ticket = 0; // The plane has let go of it.
            fail(inbound, error, detail, true);
        }
    }

    private void releaseLane(Session session) {
        if (session.device().plane().sharedLane()) {
            lane(session).release();
            grantNext(session);
        }
    }

    private void publish(Inbound inbound) {
        Expectation expectation = inbound.expectation;
        LayerLeases leases = inbound.leases;
        if (expectation == null || leases == null) {
            throw new IllegalStateException("nothing to publish: " + inbound);
        }
        TransferOutcome outcome = outcome(inbound, Optional.empty(), "");
        settle(expectation, new Expectation.Ready(leases.regions(), outcome));
    }

    private void settle(Expectation expectation, Expectation.Status status) {
        expectation.end(status);
        wakeup.run();
    }

    private TransferOutcome outcome(Inbound inbound, Optional<KvError> error, String detail) {
        Session session = inbound.session;
        return new TransferOutcome(
                inbound.expectation == null ? "" : inbound.expectation.request().id(),
                inbound.id,
                error,
                detail,
                session == null || session.device == null ? "" : session.device().plane().name(),
                inbound.received * layout.layerBytes(inbound.tokens),
                nowNs() - inbound.startedNs);
    }

    private void fail(Inbound inbound, KvError error, String detail, boolean tellPeer) {
        if (inbound.state == ReceiveState.DRAINING
                || inbound.state == ReceiveState.FAILED
                || inbound.state == ReceiveState.ENDED) {
            return;
        }
        logger.warn("transfer={} not received: {} {}", inbound.id, error, detail);
        stats.onOutcome("receive", outcome(inbound, Optional.of(error), detail));
        inbound.failure = new Expectation.Failed(error, detail);
        Session session = inbound.session == null ? inbound.interest : inbound.session;
        if (tellPeer && session != null && session.open()) {
            cancel(session, inbound.id, error, detail);
        }
        Expectation expectation = inbound.expectation;
        if (expectation != null && expectation.status() instanceof Expectation.Waiting) {
            settle(expectation, inbound.failure);
        }
        boolean writing = inbound.state == ReceiveState.GRANTED && inbound.ticket != 0;
        boolean granted = inbound.state == ReceiveState.GRANTED;
        if (granted) {
            inbound.moveTo(ReceiveState.DRAINING);
        } else if (inbound.session != null && inbound.state == ReceiveState.QUEUED) {
            lane(inbound.session).withdraw(inbound);
        }
        if (writing && inbound.session != null) {
            long ticket = inbound.ticket;
            inbound.session.device().submit(plane -> plane.cancelReceive(ticket));
        } else if (granted) {
            drained(inbound);
        } else {
            free(inbound);
        }
    }

    private void drained(Inbound inbound) {
        Session session = inbound.session;
        free(inbound);
        if (session != null) {
            releaseLane(session);
        }
    }

    // Nothing writes any more: free the memory; keep the failure while a request may ask for it.
    private void free(Inbound inbound) {
        closeLeases(inbound);
        if (inbound.expectation == null) {
            end(inbound, inbound.failure == null ? KvError.CANCELLED : inbound.failure.error());
        } else {
            inbound.moveTo(ReceiveState.FAILED);
            failed++;
        }
    }

    private void end(Inbound inbound, KvError told) {
        if (inbound.state == ReceiveState.COMPLETE) {
            stats.onOutcome("receive", outcome(inbound, Optional.empty(), ""));
        }
        failed -= inbound.state == ReceiveState.FAILED ? 1 : 0;
        inbound.moveTo(ReceiveState.ENDED);
        closeLeases(inbound);
        transfers.remove(inbound.id);
        tombstones.put(inbound.id, told, nowNs());
        letGo(inbound.session);
        letGo(inbound.interest);
    }

    private void letGo(@Nullable Session session) {
        if (session != null) {
            session.transfers--;
            session.lastUsedNs = nowNs();
        }
    }

    private static void closeLeases(Inbound inbound) {
        if (inbound.leases != null) {
            inbound.leases.close();
            inbound.leases = null;
        }
    }

    private void cancel(Session session, TransferId id, KvError error, String detail) {
        sessions.send(session, new Frame.Cancel(id, error, detail));
    }

    private long nowNs() {
        return clock.getAsLong();
    }
}
