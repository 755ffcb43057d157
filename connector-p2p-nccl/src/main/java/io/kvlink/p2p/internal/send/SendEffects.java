// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.send;

import io.kvlink.p2p.internal.send.SendState.Failure;
import io.kvlink.p2p.internal.session.Session;
import io.kvlink.p2p.internal.session.Sessions;
import io.kvlink.p2p.internal.transfer.TransferStats;
import io.kvlink.spi.TransferOutcome;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs what the sending machine wants done: frames, calls, devices, the engine, the figures. The
 * answers go back to the {@link Sender} as events. Control thread only.
 */
final class SendEffects {

    private static final Logger logger = LoggerFactory.getLogger(SendEffects.class);

    private final Sessions sessions;
    private final TransferStats stats;
    private final Consumer<TransferOutcome> finished;
    private final Sender sender;
    private final PieceSender pieces;
    private final LongSupplier clock;

    SendEffects(
            Sessions sessions,
            TransferStats stats,
            Executor control,
            Consumer<TransferOutcome> finished,
            Sender sender,
            LongSupplier clock) {
        this.sessions = sessions;
        this.stats = stats;
        this.finished = finished;
        this.sender = sender;
        this.clock = clock;
        pieces = new PieceSender(control, sender::onPiecesEnded);
    }

    void run(OutboundTransfer transfer, SendEffect effect) {
        if (effect instanceof SendEffect.SendFrame send) {
            if (!sessions.send(send.session(), send.frame())) {
                sender.step(transfer, new SendEvent.Unsent(send.frame()));
            }
        } else if (effect instanceof SendEffect.Dial) {
            Session session = sessions.dial(transfer.machine().receiver());
            sender.step(transfer, new SendEvent.Dialled(session));
        } else if (effect instanceof SendEffect.Post post) {
            pieces.post(transfer, post);
        } else if (effect instanceof SendEffect.PostEmptyTail tail) {
            pieces.post(transfer, tail);
        } else if (effect instanceof SendEffect.CancelSends given) {
            String endpoint = given.session().endpoint();
            long ticket = given.ticket().number();
            given.session().device().submit(plane -> plane.cancelSends(endpoint, ticket));
        } else if (effect instanceof SendEffect.DropTail) {
            transfer.kv().dropTail();
        } else if (effect instanceof SendEffect.Conclude conclude) {
            conclude(transfer, conclude.end());
        }
    }

    private void conclude(OutboundTransfer transfer, SendState.Ended end) {
        Optional<Failure> failure = end.failure();
        sender.forget(transfer, failure);
        TransferOutcome outcome = transfer.outcome(end, clock.getAsLong());
        stats.onOutcome("send", outcome);
        failure.ifPresent(
                why ->
                        logger.warn(
                                "transfer={} not sent: {} {}",
                                transfer.id(),
                                why.error(),
                                why.detail()));
        transfer.kv().add(outcome);
        endIfOver(transfer.kv());
    }

    /** Lets go of some KV and tells the engine, if all its transfers have ended. */
    void endIfOver(SavedKv kv) {
        if (!kv.ended()) {
            kv.end()
                    .ifPresent(
                            outcome -> {
                                kv.letGo();
                                finished.accept(outcome);
                            });
        }
    }
}
