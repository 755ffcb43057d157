// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.p2p.internal.session.Session;
import io.kvlink.p2p.internal.session.Sessions;
import io.kvlink.p2p.internal.transfer.TransferStats;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferOutcome;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs what the receiving machine wants done: frames, memory, devices, the engine, the figures. The
 * results go back to the {@link Inbox} as events. Control thread only.
 */
final class ReceiveEffects implements ReceiveEffect.Runner {

    private static final Logger logger = LoggerFactory.getLogger(ReceiveEffects.class);

    private final Sessions sessions;
    private final KvLayout layout;
    private final TransferStats stats;
    private final Grants grants;
    private final Inbox inbox;
    // Tells the engine that an expectation's status changed.
    private final Runnable wakeup;
    // Calls that couldn't be sent.
    private final List<ReceiveEffect.SendFetch> unsent = new ArrayList<>();

    ReceiveEffects(
            Sessions sessions,
            KvLayout layout,
            TransferStats stats,
            Grants grants,
            Inbox inbox,
            Runnable wakeup) {
        this.sessions = sessions;
        this.layout = layout;
        this.stats = stats;
        this.grants = grants;
        this.inbox = inbox;
        this.wakeup = wakeup;
    }

    @Override
    public void run(ReceiveEffect.Dial dial) {
        Session call = sessions.dial(dial.prefill());
        if (call.open()) {
            inbox.onCallOpen(dial.id(), call);
        }
    }

    @Override
    public void run(ReceiveEffect.ReserveAhead reserve) {
        Moment at = inbox.moment();
        Subject subject = reserve.subject();
        Optional<Ticket> ticket =
                grants.reserveAhead(subject, reserve.call(), reserve.tail(), at.nowNs());
        inbox.feed(
                subject.id(),
                ticket.<ReceiveEvent>map(granted -> new ReceiveEvent.Reserved(at, granted))
                        .orElseGet(() -> new ReceiveEvent.NoRoom(at)));
    }

    /**
     * Whether it can ever fit is asked a second time behind the attempt: that may find that there
     * is less than was planned.
     */
    @Override
    public void run(ReceiveEffect.Reserve reserve) {
        Moment at = inbox.moment();
        Subject subject = reserve.subject();
        boolean tail = reserve.tail();
        boolean fits = grants.canEverFit(subject, tail);
        Optional<Ticket> ticket =
                fits
                        ? grants.reserve(subject, reserve.by(), tail, reserve.startedNs())
                        : Optional.empty();
        if (ticket.isPresent()) {
            inbox.feed(subject.id(), new ReceiveEvent.Reserved(at, ticket.get()));
        } else if (fits && grants.canEverFit(subject, tail)) {
            stats.onBusy();
            inbox.feed(subject.id(), new ReceiveEvent.NoRoom(at));
        } else {
            String detail =
                    "layers=%d layerBytes=%d; raise kv_buffer_size or mem_pool_size_gb, and -XX:MaxDirectMemorySize with them"
                            .formatted(layout.layers(), grants.layerBytes(subject, tail));
            inbox.feed(subject.id(), new ReceiveEvent.TooLarge(at, detail));
        }
    }

    @Override
    public void run(ReceiveEffect.Post post) {
        grants.post(post.subject(), post.ticket());
    }

    @Override
    public void run(ReceiveEffect.SendFetch fetch) {
        if (!send(fetch)) {
            unsent.add(fetch);
        }
    }

    /** Sends once more what couldn't be sent, and is still wanted. */
    void tick() {
        unsent.removeIf(fetch -> !inbox.awaits(fetch) || send(fetch));
    }

    private boolean send(ReceiveEffect.SendFetch fetch) {
        Subject subject = fetch.subject();
        long number = fetch.ticket().map(Ticket::number).orElse(0L);
        boolean tail = fetch.ticket().filter(Ticket::tail).isPresent();
        return sessions.send(
                fetch.call(),
                new Frame.Fetch(subject.id(), subject.tokens(), subject.digest(), number, tail));
    }

    @Override
    public void run(ReceiveEffect.SendGrant grant) {
        TransferId id = grant.subject().id();
        Ticket ticket = grant.ticket();
        Frame frame = new Frame.Grant(id, ticket.number(), 0, layout.layers(), ticket.tail());
        if (!sessions.send(ticket.session(), frame)) {
            inbox.feed(id, new ReceiveEvent.GrantLost(inbox.moment()));
        }
    }

    @Override
    public void run(ReceiveEffect.Send send) {
        sessions.send(send.to(), send.frame());
    }

    @Override
    public void run(ReceiveEffect.CancelReceive cancel) {
        grants.cancel(cancel.ticket());
    }

    @Override
    public void run(ReceiveEffect.CloseLeases close) {
        close.ticket().leases().close();
    }

    @Override
    public void run(ReceiveEffect.Tell tell) {
        tell.request().end(tell.word());
        wakeup.run();
    }

    @Override
    public void run(ReceiveEffect.Wake wake) {
        wakeup.run();
    }

    @Override
    public void run(ReceiveEffect.CountFailed failed) {
        Expectation.Failed why = failed.why();
        logger.warn(
                "transfer={} not received: {} {}",
                failed.subject().id(),
                why.error(),
                why.detail());
        stats.onOutcome("receive", failed.outcome());
        failed.subject().arrival().fail(why);
    }

    @Override
    public void run(ReceiveEffect.CountReceived received) {
        Ticket ticket = received.ticket();
        long ns = received.subject().arrival().lastNs() - ticket.startedNs();
        String plane = ticket.session().planeName();
        TransferId id = received.subject().id();
        Optional<KvError> none = Optional.empty();
        stats.onOutcome(
                "receive", new TransferOutcome("", id, none, "", plane, ticket.bytes(), ns));
    }

    @Override
    public void run(ReceiveEffect.Warn warn) {
        logger.warn("transfer={} was never asked for", warn.unclaimed());
    }
}
