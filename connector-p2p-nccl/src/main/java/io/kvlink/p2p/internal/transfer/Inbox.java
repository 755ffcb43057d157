// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.transfer;

import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.p2p.internal.memory.LayerLeases;
import io.kvlink.p2p.internal.memory.TransferMemory;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferOutcome;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The receiving state machine: asks for transfers, takes offers, and ends each transfer exactly
 * once. Control thread only.
 */
final class Inbox implements Grants.Listener {

    private static final Logger logger = LoggerFactory.getLogger(Inbox.class);
    private static final int BUSY_MS = 5;
    // Of one peer at a time; more of its offers are answered BUSY.
    private static final int MOST_OF_A_SESSION = 1024;

    private final Sessions sessions;
    private final TransferLimits limits;
    private final KvLayout layout;
    private final TransferStats stats;
    // Tells the engine that an expectation's status changed.
    private final Runnable wakeup;
    private final LongSupplier clock;
    private final Grants grants;

    private final Tombstones tombstones = new Tombstones();
    private final Map<TransferId, Inbound> transfers = new LinkedHashMap<>();
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
            LongSupplier clock) {
        this.sessions = sessions;
        this.limits = limits;
        this.layout = layout;
        this.stats = stats;
        this.wakeup = wakeup;
        this.clock = clock;
        grants = new Grants(sessions, layout, memory, control, this);
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
        } else if (inbound.session == null) {
            ask(inbound, prefill(expectation));
        } else {
            publish(inbound);
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
        } else if (inbound.failure == null && !inbound.quiet && inbound.arrival.complete()) {
            inbound.released = true;
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
        } else if (inbound.state == ReceiveState.STANDING && inbound.mayOffer(session)) {
            inbound.offeredOn = session; // It crossed our call, and will be sent under its ticket.
        } else if (inbound.state == ReceiveState.RECALLED) {
            sessions.send(session, new Frame.Busy(offer.id(), BUSY_MS));
        } else if (!inbound.fits(session, offer, layout.layers())) {
            refuse(inbound, session, KvError.MALFORMED_FRAME, offer + " doesn't fit " + inbound);
        } else {
            accept(inbound, session, offer.tail());
        }
    }

    private void accept(Inbound inbound, Session session, boolean tail) {
        Expectation expectation = inbound.expectation;
        inbound.tail = tail && (expectation == null || expectation.request().attachment());
        if (inbound.session == null) {
            take(inbound, session);
            inbound.startedNs = nowNs();
        }
        if (!grants.canEverFit(inbound)) {
            String detail =
                    "layers=%d layerBytes=%d; raise kv_buffer_size or mem_pool_size_gb"
                            .formatted(layout.layers(), layout.layerBytes(inbound.allTokens()));
            fail(inbound, KvError.TOO_LARGE, detail, true);
        } else if (grants.reserve(inbound)) {
            grants.grant(inbound, session);
        } else {
            stats.onBusy();
            sessions.send(session, new Frame.Busy(inbound.id, BUSY_MS));
        }
    }

    /** The sender has computed all layers. */
    void onSaved(Session session, Frame.Saved saved) {
        Inbound inbound = transfers.get(saved.id());
        if (inbound != null && session.equals(inbound.session) && !inbound.tail) {
            inbound.saved = true;
            publish(inbound);
        }
    }

    /** The same, with what goes with them. */
    void onAttachment(Session session, Frame.Attachment attachment) {
        Inbound inbound = transfers.get(attachment.id());
        if (inbound != null
                && session.equals(inbound.session)
                && attachment.ticket() == inbound.ticket
                && inbound.ticket != 0 // Or it would be kept without memory for its KV.
                && inbound.tail
                && !inbound.attached
                && inbound.failure == null) {
            inbound.saved = true;
            attached(inbound, attachment.content());
        }
    }

    private void attached(Inbound inbound, Optional<ByteBuffer> content) {
        inbound.attached = true;
        inbound.attachment = content;
        if (inbound.quiet) {
            complete(inbound);
        } else {
            publish(inbound);
        }
    }

    void onCancel(Session session, Frame.Cancel cancel) {
        Inbound inbound = transfers.get(cancel.id());
        if (inbound != null
                && inbound.state != ReceiveState.COMPLETE
                && (session.equals(inbound.session)
                        || (inbound.session == null && session.equals(inbound.interest)))) {
            if (inbound.lacksAttachment()) {
                attached(inbound, Optional.empty()); // What is here is worth as much as ever.
                return;
            }
            fail(inbound, cancel.error(), "told by the peer: " + cancel.detail(), false);
        }
    }

    void onSessionOpen(Session session) {
        for (Inbound inbound : List.copyOf(transfers.values())) {
            if (session.equals(inbound.interest)) {
                fetch(inbound);
            }
        }
    }

    void onSessionEnded(Session session, KvError error, String detail) {
        for (Inbound inbound : List.copyOf(transfers.values())) {
            if (session.equals(inbound.offeredOn)) {
                inbound.offeredOn = null;
            }
            boolean asks = inbound.session == null && session.equals(inbound.interest);
            if (session.equals(inbound.session) && inbound.lacksAttachment()) {
                attached(inbound, Optional.empty());
            } else if (asks && session.worthDiallingAgain() && inbound.failure == null) {
                letGo(session);
                ask(inbound, session.address);
            } else if (session.equals(inbound.session)
                    && inbound.state == ReceiveState.STANDING
                    && !inbound.published) {
                // Perhaps the sender restarted before it had begun: then the new one will.
                inbound.moveTo(ReceiveState.RECALLED);
                grants.cancel(inbound);
            } else if ((asks || session.equals(inbound.session))
                    && inbound.state != ReceiveState.RECALLED
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
                } else if (inbound.lacksAttachment()) {
                    attached(inbound, Optional.empty());
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
            if (inbound.state != ReceiveState.COMPLETE) {
                fail(inbound, KvError.CLOSED, "this connector is closing", true);
            }
            inbound.expectation = null;
            if (inbound.state == ReceiveState.COMPLETE || inbound.state == ReceiveState.FAILED) {
                end(inbound, KvError.CLOSED);
            }
        }
    }

    private Inbound begin(TransferId id, int tokens, long digest) {
        Inbound inbound = new Inbound(id, tokens, digest, new Arrival(layout.layers(), clock));
        inbound.startedNs = nowNs();
        inbound.deadlineNs = nowNs() + limits.unclaimedTtlNs();
        transfers.put(id, inbound);
        return inbound;
    }

    private static HostPort prefill(Expectation expectation) {
        return expectation.request().route().orElseThrow().prefill();
    }

    // Calls the prefill instance: to fetch, and to hear soon if it isn't there.
    private void ask(Inbound inbound, HostPort prefill) {
        Session interest = sessions.dial(prefill);
        interest.transfers++;
        inbound.interest = interest;
        inbound.stood = false;
        inbound.fetched = false;
        fetch(inbound);
    }

    // Says "send me this" once the session is there, under a standing grant if there is room.
    private void fetch(Inbound inbound) {
        Session interest = inbound.interest;
        if (interest == null || !interest.open() || inbound.fetched) {
            return;
        }
        if (inbound.state == ReceiveState.EXPECTED && inbound.session == null && !inbound.stood) {
            Expectation expectation = inbound.expectation;
            inbound.tail = expectation != null && expectation.request().attachment();
            grants.stand(inbound, interest);
            if (inbound.state == ReceiveState.STANDING) {
                take(inbound, interest);
                inbound.startedNs = nowNs();
            }
        }
        boolean waits = inbound.state == ReceiveState.EXPECTED && inbound.session == null;
        if (waits || inbound.state == ReceiveState.STANDING) {
            inbound.fetched =
                    sessions.send(
                            interest,
                            new Frame.Fetch(
                                    inbound.id,
                                    inbound.tokens,
                                    inbound.digest,
                                    inbound.ticket,
                                    inbound.ticket != 0 && inbound.tail));
        }
    }

    private static void take(Inbound inbound, Session session) {
        inbound.session = session;
        session.transfers++;
    }

    // A stranger's offer, or one for what is here already, harms nobody but its sender.
    private void refuse(Inbound inbound, Session session, KvError error, String detail) {
        cancel(session, inbound.id, error, detail);
        if (inbound.mayOffer(session) && inbound.state != ReceiveState.COMPLETE) {
            // Told on a link of its own if our call went through another one.
            fail(inbound, error, detail, !session.equals(inbound.session));
        }
    }

    private static String prompts(int ours, int theirs) {
        return "prompt differs: tokens=" + ours + "/" + theirs + " (ours/theirs) or their ids";
    }

    @Override
    public void onGranted(Inbound inbound) {
        publish(inbound);
    }

    @Override
    public void onGrantLost(Inbound inbound, String detail) {
        fail(inbound, KvError.PEER_LOST, detail, false);
    }

    @Override
    public void onReceived(Inbound inbound) {
        inbound.receivedBytes = allBytes(inbound);
        if (inbound.state == ReceiveState.DRAINING) {
            free(inbound);
            return;
        }
        inbound.quiet = true;
        grants.unstand(inbound);
        if (inbound.lacksAttachment() && (inbound.released || !inbound.session().open())) {
            inbound.attached = true; // That nothing more will come, or is wanted.
        }
        if (!inbound.lacksAttachment()) {
            complete(inbound);
        }
    }

    private void complete(Inbound inbound) {
        Session session = inbound.session();
        inbound.moveTo(ReceiveState.COMPLETE);
        if (inbound.expectation == null) {
            inbound.deadlineNs = nowNs() + limits.unclaimedTtlNs();
        }
        publish(inbound);
        // After the engine was woken: the producer is in less of a hurry.
        sessions.send(session, new Frame.Done(inbound.id, inbound.ticket));
        if (inbound.released) {
            end(inbound, KvError.NO_SUCH_TRANSFER);
        }
    }

    @Override
    public void onChunk(Inbound inbound) {
        // The time runs anew: the sender may still have to compute the next one.
        inbound.deadlineNs = nowNs() + limits.transferTimeoutNs();
    }

    @Override
    public void onReceiveFailed(Inbound inbound, long bytes, KvError error, String detail) {
        inbound.receivedBytes += bytes;
        // Not if the engine waits within a step: it would read the memory of the old ticket.
        boolean asksAgain =
                inbound.receivedBytes == 0 && inbound.expectation != null && !inbound.published;
        if (inbound.state == ReceiveState.DRAINING) {
            free(inbound);
        } else if (inbound.state == ReceiveState.RECALLED && asksAgain) {
            askAgain(inbound);
        } else if (inbound.state == ReceiveState.STANDING && asksAgain) {
            inbound.moveTo(ReceiveState.RECALLED);
            askAgain(inbound);
        } else {
            inbound.ticket = 0; // The plane has let go of it.
            fail(inbound, error, detail, true);
        }
    }

    // Nothing came under a standing grant, and nothing will: perhaps the sender hasn't begun. One
    // that has is told by the call without a ticket, and gives up.
    private void askAgain(Inbound inbound) {
        Session session = inbound.session();
        grants.unstand(inbound);
        closeLeases(inbound);
        inbound.ticket = 0;
        // Of the old ticket's sender; the next one says it anew.
        inbound.saved = false;
        inbound.attached = false;
        inbound.attachment = Optional.empty();
        inbound.session = null;
        letGo(session);
        inbound.moveTo(ReceiveState.EXPECTED);
        Session offered = inbound.offeredOn;
        inbound.offeredOn = null;
        if (offered != null && offered.open()) {
            sessions.send(offered, new Frame.Busy(inbound.id, BUSY_MS));
        }
        if (session.open()) {
            inbound.stood = true;
            inbound.fetched = false;
            fetch(inbound);
        } else {
            letGo(session); // As the one that was asked.
            ask(inbound, session.address);
        }
    }

    // To the request, if there is one, and all layers are here or about to be.
    private void publish(Inbound inbound) {
        Expectation expectation = inbound.expectation;
        LayerLeases leases = inbound.leases;
        Chunks chunks = inbound.chunks;
        if (expectation != null
                && leases != null
                && chunks != null
                && !inbound.published
                && inbound.loadable()) {
            inbound.published = true;
            TransferOutcome all =
                    outcome(inbound, allBytes(inbound), inbound.startedNs, Optional.empty(), "");
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

    private void settle(Expectation expectation, Expectation.Status status) {
        expectation.end(status);
        wakeup.run();
    }

    private long allBytes(Inbound inbound) {
        return layout.layers() * layout.layerBytes(inbound.allTokens());
    }

    private TransferOutcome outcome(
            Inbound inbound, long bytes, long endNs, Optional<KvError> error, String detail) {
        Session session = inbound.session;
        return new TransferOutcome(
                inbound.expectation == null ? "" : inbound.expectation.request().id(),
                inbound.id,
                error,
                detail,
                session == null || session.device == null ? "" : session.device().plane().name(),
                bytes,
                endNs - inbound.startedNs);
    }

    private void fail(Inbound inbound, KvError error, String detail, boolean tellPeer) {
        if (inbound.state == ReceiveState.DRAINING
                || inbound.state == ReceiveState.FAILED
                || inbound.state == ReceiveState.ENDED) {
            return;
        }
        logger.warn("transfer={} not received: {} {}", inbound.id, error, detail);
        stats.onOutcome(
                "receive",
                outcome(inbound, inbound.receivedBytes, nowNs(), Optional.of(error), detail));
        inbound.failure = new Expectation.Failed(error, detail);
        inbound.arrival.fail(inbound.failure);
        if (tellPeer) {
            tell(inbound, error, detail);
        }
        Expectation expectation = inbound.expectation;
        if (expectation != null && expectation.status() instanceof Expectation.Waiting) {
            settle(expectation, inbound.failure);
        } else if (inbound.published) {
            wakeup.run();
        }
        freeWhenQuiet(inbound);
    }

    private void tell(Inbound inbound, KvError error, String detail) {
        Session session = inbound.session == null ? inbound.interest : inbound.session;
        if (session != null && session.open()) {
            cancel(session, inbound.id, error, detail);
        }
        if (inbound.offeredOn != null && inbound.offeredOn.open()) {
            cancel(inbound.offeredOn, inbound.id, error, detail);
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

    // Nothing writes any more: free the memory, unless the request may be reading it; keep the
    // failure while a request may ask for it.
    private void free(Inbound inbound) {
        grants.unstand(inbound);
        if (inbound.expectation == null) {
            end(inbound, inbound.failure == null ? KvError.CANCELLED : inbound.failure.error());
            return;
        }
        if (!inbound.published) {
            closeLeases(inbound);
        }
        inbound.moveTo(ReceiveState.FAILED);
        failed++;
    }

    private void end(Inbound inbound, KvError told) {
        if (inbound.state == ReceiveState.COMPLETE) {
            stats.onOutcome(
                    "receive",
                    outcome(
                            inbound,
                            inbound.receivedBytes,
                            inbound.arrival.lastNs(),
                            Optional.empty(),
                            ""));
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
