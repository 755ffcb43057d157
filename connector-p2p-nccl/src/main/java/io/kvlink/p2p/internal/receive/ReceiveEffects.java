// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.arrival.Expectation;
import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.p2p.internal.session.Session;
import io.kvlink.p2p.internal.session.Sessions;
import io.kvlink.p2p.internal.transfer.Part;
import io.kvlink.p2p.internal.transfer.TransferStats;
import io.kvlink.spi.KvError;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferOutcome;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs what the receiving machine wants done: frames, memory, devices, the engine, the figures. The
 * answers go back to the {@link Inbox} as events. Control thread only.
 */
final class ReceiveEffects {

    private static final Logger logger = LoggerFactory.getLogger(ReceiveEffects.class);

    private final Sessions sessions;
    private final TransferStats stats;
    private final Grants grants;
    private final Inbox inbox;
    // Tells the engine that an expectation's status changed.
    private final Runnable wakeup;
    // Calls that couldn't be sent.
    private final List<ReceiveEffect.SendFetch> unsent = new ArrayList<>();

    ReceiveEffects(
            Sessions sessions, TransferStats stats, Grants grants, Inbox inbox, Runnable wakeup) {
        this.sessions = sessions;
        this.stats = stats;
        this.grants = grants;
        this.inbox = inbox;
        this.wakeup = wakeup;
    }

    void run(ReceiveEffect effect) {
        if (effect instanceof ReceiveEffect.Dial dial) {
            dial(dial);
        } else if (effect instanceof ReceiveEffect.ReserveAhead reserve) {
            reserveAhead(reserve);
        } else if (effect instanceof ReceiveEffect.Reserve reserve) {
            reserve(reserve);
        } else if (effect instanceof ReceiveEffect.Post post) {
            grants.post(post.subject(), post.ticket());
        } else if (effect instanceof ReceiveEffect.SendFetch fetch) {
            if (!sent(fetch)) {
                unsent.add(fetch);
            }
        } else if (effect instanceof ReceiveEffect.SendGrant grant) {
            sendGrant(grant);
        } else if (effect instanceof ReceiveEffect.Send send) {
            sessions.send(send.to(), send.frame());
        } else if (effect instanceof ReceiveEffect.CancelReceive cancel) {
            grants.cancel(cancel.ticket());
        } else if (effect instanceof ReceiveEffect.CloseLeases close) {
            close.ticket().leases().close();
        } else if (effect instanceof ReceiveEffect.Tell tell) {
            tell.request().end(tell.word());
            wakeup.run();
        } else if (effect instanceof ReceiveEffect.Wake) {
            wakeup.run();
        } else if (effect instanceof ReceiveEffect.CountFailed failed) {
            countFailed(failed);
        } else if (effect instanceof ReceiveEffect.CountReceived received) {
            countReceived(received);
        } else if (effect instanceof ReceiveEffect.WarnUnclaimed warn) {
            logger.warn("transfer={} was never asked for", warn.id());
        } else {
            throw new IllegalStateException("nobody runs " + effect);
        }
    }

    /** Sends once more what couldn't be sent, and is still wanted. */
    void tick() {
        unsent.removeIf(fetch -> !inbox.awaits(fetch) || sent(fetch));
    }

    private void dial(ReceiveEffect.Dial dial) {
        Session call = sessions.dial(dial.prefill());
        if (call.open()) {
            inbox.feed(dial.id(), new ReceiveEvent.CallOpened(inbox.moment(), call));
        }
    }

    private void reserveAhead(ReceiveEffect.ReserveAhead reserve) {
        ReceiveEvent.Moment at = inbox.moment();
        Subject subject = reserve.subject();
        inbox.feed(
                subject.id(),
                grants.reserveAhead(subject, reserve.call(), reserve.tail(), at.nowNs())
                        .<ReceiveEvent>map(ticket -> new ReceiveEvent.Reserved(at, ticket))
                        .orElseGet(() -> new ReceiveEvent.NoRoom(at)));
    }

    // Whether it can ever fit is asked a second time behind the attempt: that may find that there
    // is less than was planned.
    private void reserve(ReceiveEffect.Reserve reserve) {
        ReceiveEvent.Moment at = inbox.moment();
        Subject subject = reserve.subject();
        boolean tail = reserve.tail();
        Optional<Ticket> ticket =
                grants.canEverFit(subject, reserve.by(), tail)
                        ? grants.reserve(subject, reserve.by(), tail, reserve.startedNs())
                        : Optional.empty();
        if (ticket.isPresent()) {
            inbox.feed(subject.id(), new ReceiveEvent.Reserved(at, ticket.get()));
        } else if (grants.canEverFit(subject, reserve.by(), tail)) {
            stats.onBusy();
            inbox.feed(subject.id(), new ReceiveEvent.NoRoom(at));
        } else {
            String detail =
                    "layers=%d layerBytes=%d; raise kv_buffer_size or mem_pool_size_gb, and -XX:MaxDirectMemorySize with them"
                            .formatted(
                                    subject.part().layers(),
                                    Grants.layerBytes(subject, reserve.by(), tail));
            inbox.feed(subject.id(), new ReceiveEvent.TooLarge(at, detail));
        }
    }

    private boolean sent(ReceiveEffect.SendFetch fetch) {
        Subject subject = fetch.subject();
        long number = fetch.ticket().map(Ticket::number).orElse(0L);
        boolean tail = fetch.ticket().filter(Ticket::tail).isPresent();
        return sessions.send(
                fetch.call(),
                new Frame.Fetch(subject.id(), subject.tokens(), subject.digest(), number, tail));
    }

    private void sendGrant(ReceiveEffect.SendGrant grant) {
        TransferId id = grant.subject().id();
        Ticket ticket = grant.ticket();
        Session session = ticket.session();
        Part part = grant.subject().part();
        Frame frame =
                new Frame.Grant(id, ticket.number(), part.number(), part.layers(), ticket.tail());
        if (!sessions.send(session, frame)) {
            String detail = "GRANT could not be queued; " + session;
            Expectation.Failed why = new Expectation.Failed(KvError.PEER_LOST, detail);
            inbox.feed(id, new ReceiveEvent.GrantLost(inbox.moment(), why));
        }
    }

    private void countFailed(ReceiveEffect.CountFailed failed) {
        TransferId id = failed.subject().id();
        Expectation.Failed why = failed.why();
        logger.warn("transfer={} not received: {} {}", id, why.error(), why.detail());
        count(id, Optional.of(why.error()), failed.plane(), failed.bytes(), failed.durationNs());
        failed.subject().arrival().fail(why);
    }

    private void countReceived(ReceiveEffect.CountReceived received) {
        Subject subject = received.subject();
        Ticket ticket = received.ticket();
        long ns = subject.arrival().lastNs() - ticket.startedNs();
        String plane = ticket.session().planeName();
        count(subject.id(), Optional.empty(), plane, ticket.bytes(), ns);
    }

    private void count(TransferId id, Optional<KvError> error, String plane, long bytes, long ns) {
        stats.onOutcome(
                "receive",
                TransferOutcome.builder("")
                        .id(id)
                        .failure(error, "")
                        .plane(plane)
                        .bytes(bytes)
                        .nanos(ns)
                        .build());
    }
}
