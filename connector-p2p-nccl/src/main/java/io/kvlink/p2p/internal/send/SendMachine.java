// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.send;

import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.p2p.internal.send.SavedPieces.Count;
import io.kvlink.p2p.internal.send.SendState.Created;
import io.kvlink.p2p.internal.send.SendState.Draining;
import io.kvlink.p2p.internal.send.SendState.Ended;
import io.kvlink.p2p.internal.send.SendState.Failure;
import io.kvlink.p2p.internal.send.SendState.Finishing;
import io.kvlink.p2p.internal.send.SendState.Live;
import io.kvlink.p2p.internal.send.SendState.Offered;
import io.kvlink.p2p.internal.send.SendState.Producing;
import io.kvlink.p2p.internal.send.SendState.Production;
import io.kvlink.p2p.internal.send.SendState.Sending;
import io.kvlink.p2p.internal.send.SendState.Tail;
import io.kvlink.p2p.internal.send.SendState.Ticketed;
import io.kvlink.p2p.internal.send.SendState.ToldBusy;
import io.kvlink.p2p.internal.send.SendState.Unclaimed;
import io.kvlink.p2p.internal.send.SendState.Ungranted;
import io.kvlink.p2p.internal.send.SendState.Unoffered;
import io.kvlink.p2p.internal.session.Session;
import io.kvlink.p2p.internal.transfer.Chunks;
import io.kvlink.spi.KvError;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferRoute;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Rules of one transfer on its way out: from its state and an event, its next state and what is to
 * be done. Pure: no clock, no queue, no device. An event that a state has no use for changes
 * nothing.
 *
 * @param route who sends it to whom
 * @param layers how many layers it has
 * @param chunks how its tokens are cut
 * @param digest the prompt's digest
 * @param held true: held until fetched (GET); false: pushed to the route's decode instance
 */
record SendMachine(TransferRoute route, int layers, Chunks chunks, long digest, boolean held) {

    /** Next state, and the effects on the way to it, in order. */
    record Step(SendState next, List<SendEffect> effects) {
        Step(SendState next, SendEffect... effects) {
            this(next, List.of(effects));
        }
    }

    Step on(SendState state, SendEvent event) {
        if (state instanceof Created) {
            return created(state, event);
        } else if (state instanceof Ended) {
            return new Step(state);
        } else if (event instanceof SendEvent.Fetched fetched) {
            return fetched(state, fetched);
        } else if (event instanceof SendEvent.Granted granted) {
            return granted(state, granted);
        }
        return state instanceof Live live ? live(live, event) : draining(state, event);
    }

    private Step created(SendState state, SendEvent event) {
        if (event instanceof SendEvent.Started started) {
            return started(started);
        } else if (event instanceof SendEvent.Refused refused) {
            List<SendEffect> effects = new ArrayList<>();
            refused.fetcher().ifPresent(to -> effects.add(cancel(to, refused.failure())));
            return ended("", Optional.of(refused.failure()), effects);
        }
        return new Step(state);
    }

    private Step started(SendEvent.Started event) {
        Tail tail = chunks.tail() ? new Tail.Awaited() : new Tail.None();
        long deadlineNs = event.nowNs() + event.patienceNs();
        var fresh = new Unclaimed(new Production(event.patienceNs(), deadlineNs, 0, tail));
        Step step = event.fetch().map(fetch -> fetched(fresh, fetch)).orElse(new Step(fresh));
        if (held || !(step.next instanceof Unclaimed)) {
            return step;
        }
        List<SendEffect> effects = new ArrayList<>(step.effects);
        effects.add(new SendEffect.Dial());
        return new Step(step.next, effects);
    }

    private Step fetched(SendState state, SendEvent.Fetched fetch) {
        if (state instanceof Ungranted ungranted && fetch.entitled()) {
            return claimed(ungranted, fetch);
        } else if (state instanceof Ticketed ticketed
                && ticketed.ticket().standing()
                && fetch.session().equals(ticketed.session())) {
            return state instanceof Live live
                    ? fail(live, KvError.PEER_LOST, "the receiver took its grant back", true)
                    : new Step(state);
        } else if (fetch.ticket().isPresent()) {
            String detail = describe(state) + "; it goes to another session";
            Failure elsewhere = new Failure(KvError.BAD_ROUTE, detail);
            return new Step(state, cancel(fetch.session(), elsewhere));
        }
        return new Step(state);
    }

    private Step claimed(Ungranted state, SendEvent.Fetched fetch) {
        if (!held && fetch.ticket().isEmpty()) {
            return new Step(state); // It is offered anyway.
        } else if (fetch.tokens() != chunks.tokens() || fetch.digest() != digest) {
            String detail =
                    "prompt differs: tokens=%d/%d (ours/theirs) or their ids"
                            .formatted(chunks.tokens(), fetch.tokens());
            Failure differs = new Failure(KvError.PROMPT_MISMATCH, detail);
            return ended(
                    "",
                    Optional.of(differs),
                    new ArrayList<>(List.of(cancel(fetch.session(), differs))));
        } else if (fetch.ticket().isPresent()) {
            // All is granted. The receiver ignores an offer that crossed this.
            return new Step(sending(state, fetch.session(), fetch.ticket().get()));
        }
        boolean same = fetch.session().equals(state.session());
        return new Step(same ? state : state.goingTo(fetch.session()));
    }

    private Step granted(SendState state, SendEvent.Granted grant) {
        if (state instanceof Offered offered && grant.session().equals(offered.session())) {
            return new Step(sending(offered, grant.session(), grant.ticket()));
        }
        Failure unknown = new Failure(KvError.NO_SUCH_TRANSFER, "no such offer");
        return new Step(state, cancel(grant.session(), unknown));
    }

    private static Sending sending(Ungranted state, Session session, SendState.Ticket ticket) {
        return new Sending(session, ticket, state.production(), Count.NONE, false, false);
    }

    private Step live(Live state, SendEvent event) {
        if (event instanceof SendEvent.Tick tick) {
            return tick(state, tick);
        } else if (event instanceof SendEvent.SessionEnded ended) {
            return sessionEnded(state, ended);
        } else if (event instanceof SendEvent.Cancelled cancelled) {
            return cancelled.session().equals(state.session())
                    ? fail(state, cancelled.failure(), false, reading(state))
                    : new Step(state);
        } else if (event instanceof SendEvent.Closing) {
            return fail(state, KvError.CLOSED, "this connector is closing", true);
        } else if (event instanceof SendEvent.Aborted aborted) {
            return aborted(state, aborted.saved());
        } else if (state instanceof Ungranted ungranted) {
            return ungranted(ungranted, event);
        } else if (state instanceof Sending sending) {
            return sending(sending, event);
        }
        return event instanceof SendEvent.PiecesEnded pieces
                ? piecesEnded((Finishing) state, pieces)
                : new Step(state);
    }

    private Step tick(Live state, SendEvent.Tick tick) {
        if (tick.progress().nowNs() - state.deadlineNs() < 0) {
            return live(state, tick.progress());
        }
        String detail =
                "%s saved=%d sent=%d; its time is over"
                        .formatted(describe(state), tick.progress().saved().all(), tick.sent());
        return fail(state, KvError.DEADLINE, detail, true);
    }

    private Step sessionEnded(Live state, SendEvent.SessionEnded event) {
        if (!event.session().equals(state.session())) {
            return new Step(state);
        } else if (event.dialAgain() && state instanceof Ungranted ungranted) {
            return new Step(ungranted.goingTo(event.session()), new SendEffect.Dial());
        }
        return fail(state, event.failure(), false, reading(state));
    }

    /** The engine saves no more. If only the tail is missing, the receiver does without. */
    private Step aborted(Live state, Count saved) {
        if (saved.body() != body() || saved.all() != body()) {
            return fail(state, KvError.CANCELLED, "the producer gave the request up", true);
        }
        return state instanceof Producing producing
                ? new Step(producing.with(producing.production().with(new Tail.None())))
                : new Step(state);
    }

    private Step ungranted(Ungranted state, SendEvent event) {
        if (event instanceof SendEvent.Progress now) {
            return offer(state.with(renewed(state.production(), now)), now);
        } else if (event instanceof SendEvent.Dialled dialled) {
            return new Step(state.goingTo(dialled.session()));
        } else if (event instanceof SendEvent.Attached attached) {
            return new Step(state.with(attached(state.production(), attached)));
        } else if (state instanceof Offered offered) {
            return offered(offered, event);
        }
        return new Step(state);
    }

    /** Offers all layers, also those that aren't computed yet, if it is time. */
    private Step offer(Ungranted state, SendEvent.Progress now) {
        Session session = state.session();
        boolean due =
                state instanceof Unoffered
                        || (state instanceof ToldBusy busy && now.nowNs() - busy.untilNs() >= 0);
        if (session == null || !due || !now.open()) {
            return new Step(state);
        }
        Frame offer = new Frame.Offer(id(), chunks.tokens(), digest, 0, layers, chunks.tail());
        return new Step(
                new Offered(session, state.production(), state.refusals()),
                new SendEffect.Send(session, offer));
    }

    private static Step offered(Offered state, SendEvent event) {
        if (event instanceof SendEvent.Unsent lost && lost.frame() instanceof Frame.Offer) {
            return new Step(state.goingTo(state.session()));
        } else if (event instanceof SendEvent.Busy busy && busy.session().equals(state.session())) {
            // Twice as long each time, within a bound: many may be waiting for the same memory.
            long waitMs = (long) busy.retryAfterMs() << Math.min(5, state.refusals());
            long untilNs = busy.nowNs() + waitMs * 1_000_000L;
            int refusals = state.refusals() + 1;
            return new Step(new ToldBusy(state.session(), state.production(), refusals, untilNs));
        }
        return new Step(state);
    }

    private Step sending(Sending state, SendEvent event) {
        if (event instanceof SendEvent.Progress now) {
            return post(state.with(renewed(state.production(), now)), now.saved());
        } else if (event instanceof SendEvent.PiecesEnded pieces) {
            return piecesEnded(state, pieces);
        } else if (event instanceof SendEvent.Attached attached) {
            return new Step(state.with(attached(state.production(), attached)));
        } else if (event instanceof SendEvent.Unsent lost
                && (lost.frame() instanceof Frame.Saved
                        || lost.frame() instanceof Frame.Attachment)) {
            return new Step(state.told(false));
        } else if (event instanceof SendEvent.Done done
                && done.session().equals(state.session())
                && done.ticket() == state.ticket().number()
                && allPosted(state)) {
            return state.reading()
                    ? new Step(new Finishing(state.session(), state.ticket(), state.deadlineNs()))
                    : ended(state.ticket().plane(), Optional.empty(), new ArrayList<>());
        }
        return new Step(state);
    }

    /** Posts what is saved, and tells the receiver once all that it waits for is computed. */
    private Step post(Sending state, Count saved) {
        Session session = state.session();
        SendState.Ticket ticket = state.ticket();
        Tail tail = state.production().tail();
        List<SendEffect> effects = new ArrayList<>(2);
        Sending next = state;
        if (saved.all() > next.posted().all()) {
            effects.add(new SendEffect.Post(session, ticket, next.posted().all(), saved.all()));
            boolean wanted = ticket.tail() || saved.body() > next.posted().body();
            next = next.posted(saved, next.reading() || wanted);
        }
        if (ticket.tail()
                && tail instanceof Tail.None
                && onlyBody(next.posted())
                && !next.reading()) {
            effects.add(new SendEffect.PostEmptyTail(session, ticket));
            next = next.posted(new Count(body() + layers, body()), true);
        }
        Optional<Frame> word = next.told() ? Optional.empty() : word(ticket, tail, saved);
        if (word.isPresent()) {
            effects.add(new SendEffect.Send(session, word.get()));
            next = next.told(true);
        }
        return new Step(next, effects);
    }

    /** Word to the receiver that all it waits for is computed; empty if it isn't, or needn't be. */
    private Optional<Frame> word(SendState.Ticket ticket, Tail tail, Count saved) {
        boolean bodySaved = saved.body() == body();
        if (!ticket.tail()) {
            return bodySaved && ticket.arrivesSoon()
                    ? Optional.of(new Frame.Saved(id()))
                    : Optional.empty();
        } else if (tail instanceof Tail.None) {
            return bodySaved
                    ? Optional.of(new Frame.Attachment(id(), ticket.number(), Optional.empty()))
                    : Optional.empty();
        }
        return tail instanceof Tail.Attached attached && saved.all() == pieces()
                ? Optional.of(new Frame.Attachment(id(), ticket.number(), attached.content()))
                : Optional.empty();
    }

    private Step piecesEnded(Live state, SendEvent.PiecesEnded event) {
        if (event.failure().isPresent()) {
            return fail(state, event.failure().get(), true, !event.idle());
        } else if (state instanceof Sending sending) {
            return new Step(sending.posted(sending.posted(), !event.idle()));
        }
        return event.idle()
                ? ended(plane(state), Optional.empty(), new ArrayList<>())
                : new Step(state);
    }

    private Step draining(SendState state, SendEvent event) {
        return event instanceof SendEvent.PiecesEnded pieces
                        && pieces.idle()
                        && state instanceof Draining draining
                ? ended(plane(state), Optional.of(draining.failure()), new ArrayList<>())
                : new Step(state);
    }

    private Step fail(Live state, KvError error, String detail, boolean tellPeer) {
        return fail(state, new Failure(error, detail), tellPeer, reading(state));
    }

    private Step fail(Live state, Failure failure, boolean tellPeer, boolean reading) {
        List<SendEffect> effects = new ArrayList<>(2);
        Session session = state.session();
        if (tellPeer && session != null) {
            effects.add(cancel(session, failure));
        }
        if (reading && state instanceof Ticketed ticketed) {
            effects.add(new SendEffect.CancelSends(ticketed.session(), ticketed.ticket()));
            return new Step(new Draining(ticketed.session(), ticketed.ticket(), failure), effects);
        }
        return ended(plane(state), Optional.of(failure), effects);
    }

    private static boolean reading(Live state) {
        return state instanceof Finishing
                || (state instanceof Sending sending && sending.reading());
    }

    private static Step ended(String plane, Optional<Failure> failure, List<SendEffect> before) {
        Ended end = new Ended(plane, failure);
        before.add(new SendEffect.Conclude(end));
        return new Step(end, before);
    }

    /** Time for the next chunk; for the last one there is no more. */
    private Production renewed(Production production, SendEvent.Progress now) {
        int saved = now.saved().all() / layers;
        return saved > production.chunks() && now.saved().all() < pieces()
                ? production.renewed(saved, now.nowNs())
                : production;
    }

    /** Only what is attached first counts, and nothing where there is no tail. */
    private static Production attached(Production production, SendEvent.Attached event) {
        return production.tail() instanceof Tail.Awaited
                ? production.with(new Tail.Attached(event.content()))
                : production;
    }

    private boolean allPosted(Sending state) {
        return state.ticket().tail()
                ? state.posted().all() == body() + layers
                : state.posted().body() == body();
    }

    private boolean onlyBody(Count count) {
        return count.all() == body() && count.body() == body();
    }

    private int body() {
        return layers * chunks.body();
    }

    private int pieces() {
        return layers * chunks.count();
    }

    private TransferId id() {
        return route.id();
    }

    private SendEffect cancel(Session session, Failure failure) {
        return new SendEffect.Send(
                session, new Frame.Cancel(id(), failure.error(), failure.detail()));
    }

    private static String plane(SendState state) {
        return state instanceof Ticketed ticketed ? ticketed.ticket().plane() : "";
    }

    String describe(SendState state) {
        return "transfer=%s peer=%s state=%s"
                .formatted(id(), route.decode(), state.getClass().getSimpleName());
    }
}
