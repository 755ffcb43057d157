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
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The receiving state machine: asks for transfers, takes offers, and ends each transfer exactly
 * once. Control thread only.
 */
public final class Inbox implements Grants.Listener {

    private static final Logger logger = LoggerFactory.getLogger(Inbox.class);

    /** How soon a sender that is told BUSY may offer again. */
    static final int BUSY_MS = 5;

    // Of one peer at a time; more of its offers are answered BUSY.
    private static final int MOST_OF_A_SESSION = 1024;

    private final Sessions sessions;
    private final TransferLimits limits;
    private final KvLayout layout;
    private final TransferStats stats;
    private final LongSupplier clock;
    private final Grants grants;
    private final PrefillCalls calls;
    private final Deliveries deliveries;
    private final InboundTransfers transfers;

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
        this.stats = stats;
        this.clock = clock;
        grants = new Grants(sessions, layout, memory, control, this);
        calls = new PrefillCalls(sessions, grants, clock);
        deliveries = new Deliveries(layout, wakeup);
        transfers = new InboundTransfers(sessions, layout, stats, grants, deliveries, clock);
    }

    /** Transfers that hold or await something; failed ones that await their request don't count. */
    public int transfers() {
        return transfers.count();
    }

    /** The engine has a request whose KV is to come. */
    public void expect(Expectation expectation) {
        TransferId id = expectation.request().route().orElseThrow().id();
        KvError over = transfers.over(id);
        Inbound inbound = transfers.find(id);
        if (inbound == null && over != null) {
            deliveries.refuse(expectation, over);
            return;
        }
        int tokens = expectation.request().transferTokens();
        if (inbound == null) {
            inbound = transfers.begin(id, tokens, expectation.digest(), limits.unclaimedTtlNs());
        } else if (inbound.expectation != null) {
            deliveries.settle(
                    expectation,
                    new Expectation.Failed(
                            KvError.BAD_ROUTE, "transfer=" + id + " belongs to another request"));
            return;
        }
        if (inbound.failure != null) {
            deliveries.settle(
                    expectation, inbound.failure); // What is still being drained ends by itself.
            return;
        }
        inbound.await(expectation, nowNs() + limits.transferTimeoutNs());
        if (inbound.tokens != tokens || inbound.digest != expectation.digest()) {
            String detail = prompts(tokens, inbound.tokens);
            transfers.fail(inbound, KvError.PROMPT_MISMATCH, detail, true);
        } else if (inbound.session == null) {
            calls.ask(inbound, expectation.request().route().orElseThrow().prefill());
        } else {
            deliveries.publish(inbound);
        }
    }

    /** The engine no longer reads the transfer's memory, or no longer wants it. */
    public void release(Expectation expectation) {
        TransferId id = expectation.request().route().orElseThrow().id();
        Inbound inbound = transfers.find(id);
        if (inbound == null || inbound.expectation != expectation) {
            return;
        }
        inbound.expectation = null;
        if (inbound.state == ReceiveState.COMPLETE) {
            transfers.end(inbound, KvError.NO_SUCH_TRANSFER);
        } else if (inbound.state == ReceiveState.FAILED) {
            transfers.end(inbound, KvError.CANCELLED);
        } else if (inbound.state != ReceiveState.DRAINING) {
            transfers.fail(inbound, KvError.CANCELLED, "the consumer gave the request up", true);
        }
    }

    public void onOffer(Session session, Frame.Offer offer) {
        KvError over = transfers.over(offer.id());
        if (over != null) {
            cancel(session, offer.id(), over, "the transfer has ended here");
            return;
        }
        Inbound inbound = transfers.find(offer.id());
        if (inbound == null && session.transfers() >= MOST_OF_A_SESSION) {
            sessions.send(session, new Frame.Busy(offer.id(), BUSY_MS));
            return;
        }
        if (inbound == null) {
            inbound =
                    transfers.begin(
                            offer.id(), offer.tokens(), offer.digest(), limits.unclaimedTtlNs());
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
            inbound.take(session);
            inbound.startedNs = nowNs();
        }
        // Whether it can ever fit is asked a second time behind the attempt: that may find that
        // there is less than was planned.
        boolean fits = grants.canEverFit(inbound);
        if (fits && grants.reserve(inbound)) {
            grants.grant(inbound, session);
        } else if (!fits || !grants.canEverFit(inbound)) {
            String detail =
                    "layers=%d layerBytes=%d; raise kv_buffer_size or mem_pool_size_gb, and -XX:MaxDirectMemorySize with them"
                            .formatted(layout.layers(), layout.layerBytes(inbound.allTokens()));
            transfers.fail(inbound, KvError.TOO_LARGE, detail, true);
        } else {
            stats.onBusy();
            sessions.send(session, new Frame.Busy(inbound.id, BUSY_MS));
        }
    }

    /** The sender has computed all layers. */
    public void onSaved(Session session, Frame.Saved saved) {
        Inbound inbound = transfers.find(saved.id());
        if (inbound != null && session.equals(inbound.session) && !inbound.tail) {
            inbound.saved = true;
            deliveries.publish(inbound);
        }
    }

    /** The same, with what goes with them. */
    public void onAttachment(Session session, Frame.Attachment attachment) {
        Inbound inbound = transfers.find(attachment.id());
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
            deliveries.publish(inbound);
        }
    }

    public void onCancel(Session session, Frame.Cancel cancel) {
        Inbound inbound = transfers.find(cancel.id());
        if (inbound != null
                && inbound.state != ReceiveState.COMPLETE
                && (session.equals(inbound.session)
                        || (inbound.session == null && session.equals(inbound.interest)))) {
            if (inbound.lacksAttachment()) {
                attached(inbound, Optional.empty()); // What is here is worth as much as ever.
                return;
            }
            transfers.fail(inbound, cancel.error(), "told by the peer: " + cancel.detail(), false);
        }
    }

    public void onSessionOpen(Session session) {
        for (Inbound inbound : transfers.all()) {
            if (session.equals(inbound.interest)) {
                calls.fetch(inbound);
            }
        }
    }

    public void onSessionEnded(Session session, KvError error, String detail) {
        for (Inbound inbound : transfers.all()) {
            if (session.equals(inbound.offeredOn)) {
                inbound.offeredOn = null;
            }
            boolean asks = inbound.session == null && session.equals(inbound.interest);
            if (session.equals(inbound.session) && inbound.lacksAttachment()) {
                attached(inbound, Optional.empty());
            } else if (asks && session.worthDiallingAgain() && inbound.failure == null) {
                calls.askAnew(inbound, session);
            } else if (session.equals(inbound.session)
                    && inbound.state == ReceiveState.STANDING
                    && !inbound.published) {
                // Perhaps the sender restarted before it had begun: then the new one will.
                inbound.moveTo(ReceiveState.RECALLED);
                grants.cancel(inbound);
            } else if ((asks || session.equals(inbound.session))
                    && inbound.state != ReceiveState.RECALLED
                    && inbound.state != ReceiveState.COMPLETE) {
                transfers.fail(inbound, error, detail, false);
            }
        }
    }

    public void tick() {
        transfers.due().forEach(this::onDeadline);
        transfers.all().forEach(calls::fetch); // Once more, if it couldn't be sent.
    }

    private void onDeadline(Inbound inbound) {
        if (inbound.state == ReceiveState.COMPLETE) {
            logger.warn("transfer={} was never asked for", inbound.id);
            transfers.end(inbound, KvError.NO_SUCH_TRANSFER);
        } else if (inbound.lacksAttachment()) {
            attached(inbound, Optional.empty());
        } else {
            transfers.fail(inbound, KvError.DEADLINE, inbound + "; its time is over", true);
        }
    }

    /** Fails what is under way, and frees what is here: the engine has stopped calling. */
    public void close() {
        for (Inbound inbound : transfers.all()) {
            if (inbound.state != ReceiveState.COMPLETE) {
                transfers.fail(inbound, KvError.CLOSED, "this connector is closing", true);
            }
            inbound.expectation = null;
            if (inbound.state == ReceiveState.COMPLETE || inbound.state == ReceiveState.FAILED) {
                transfers.end(inbound, KvError.CLOSED);
            }
        }
    }

    // A stranger's offer, or one for what is here already, harms nobody but its sender.
    private void refuse(Inbound inbound, Session session, KvError error, String detail) {
        cancel(session, inbound.id, error, detail);
        if (inbound.mayOffer(session) && inbound.state != ReceiveState.COMPLETE) {
            // Told on a link of its own if our call went through another one.
            transfers.fail(inbound, error, detail, !session.equals(inbound.session));
        }
    }

    private static String prompts(int ours, int theirs) {
        return "prompt differs: tokens=" + ours + "/" + theirs + " (ours/theirs) or their ids";
    }

    @Override
    public void onGranted(Inbound inbound) {
        deliveries.publish(inbound);
    }

    @Override
    public void onGrantLost(Inbound inbound, String detail) {
        transfers.fail(inbound, KvError.PEER_LOST, detail, false);
    }

    @Override
    public void onReceived(Inbound inbound) {
        inbound.receivedBytes = inbound.bytes(layout);
        if (inbound.state == ReceiveState.DRAINING) {
            transfers.free(inbound);
            return;
        }
        inbound.quiet = true;
        grants.unstand(inbound);
        if (inbound.lacksAttachment() && !inbound.session().open()) {
            inbound.attached = true; // That nothing more will come.
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
        deliveries.publish(inbound);
        // After the engine was woken: the producer is in less of a hurry.
        sessions.send(session, new Frame.Done(inbound.id, inbound.ticket));
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
            transfers.free(inbound);
        } else if (inbound.state == ReceiveState.RECALLED && asksAgain) {
            calls.askAgain(inbound);
        } else if (inbound.state == ReceiveState.STANDING && asksAgain) {
            inbound.moveTo(ReceiveState.RECALLED);
            calls.askAgain(inbound);
        } else {
            inbound.ticket = 0; // The plane has let go of it.
            transfers.fail(inbound, error, detail, true);
        }
    }

    private void cancel(Session session, TransferId id, KvError error, String detail) {
        sessions.send(session, new Frame.Cancel(id, error, detail));
    }

    private long nowNs() {
        return clock.getAsLong();
    }
}
