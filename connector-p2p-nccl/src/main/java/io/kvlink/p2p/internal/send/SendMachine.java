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
import io.kvlink.p2p.internal.send.SendState.Sending;
import io.kvlink.p2p.internal.send.SendState.Ticket;
import io.kvlink.p2p.internal.send.SendState.Ticketed;
import io.kvlink.p2p.internal.send.SendState.ToldBusy;
import io.kvlink.p2p.internal.send.SendState.Unclaimed;
import io.kvlink.p2p.internal.send.SendState.Ungranted;
import io.kvlink.p2p.internal.send.SendState.Unoffered;
import io.kvlink.p2p.internal.session.Session;
import io.kvlink.p2p.internal.transfer.Chunks;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvError;
import io.kvlink.spi.TransferId;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Rules of one transfer on its way out: from its state and an event, its next state and what is to
 * be done. Pure: no clock, no queue, no device. An event that a state has no use for changes
 * nothing.
 *
 * @param id the transfer
 * @param receiver who gets it, as far as that is known
 * @param group number of its layers' group
 * @param layers how many layers it has
 * @param chunks how its tokens are cut
 * @param digest the prompt's digest
 * @param held true: held until fetched (GET); false: pushed to the route's decode instance
 */
record SendMachine(
        TransferId id,
        HostPort receiver,
        int group,
        int layers,
        Chunks chunks,
        long digest,
        boolean held) {

    /** Next state, and the effects on the way to it, in order. */
    record Step(SendState next, List<SendEffect> effects) {
        Step(SendState next, SendEffect... effects) {
            this(next, List.of(effects));
        }

        Step and(SendEffect effect) {
            List<SendEffect> all = new ArrayList<>(effects);
            all.add(effect);
            return new Step(next, all);
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
        return state instanceof Live live ? live(live, event) : draining((Draining) state, event);
    }

    private Step created(SendState state, SendEvent event) {
        if (event instanceof SendEvent.Started started) {
            Step step =
                    started.fetch()
                            .map(fetch -> fetched(new Unclaimed(), fetch))
                            .orElse(new Step(new Unclaimed()));
            boolean dials = !held && step.next instanceof Unclaimed;
            return dials ? step.and(new SendEffect.Dial()) : step;
        } else if (event instanceof SendEvent.Refused refused) {
            Step step = ended("", Optional.of(refused.failure()));
            return refused.fetcher().map(to -> told(to, refused.failure(), step)).orElse(step);
        }
        return new Step(state);
    }

    private Step fetched(SendState state, SendEvent.Fetched fetch) {
        if (state instanceof Ungranted ungranted && fetch.entitled()) {
            return claimed(ungranted, fetch);
        } else if (state instanceof Ticketed ticketed
                && ticketed.ticket().standing()
                && fetch.session().equals(ticketed.session())) {
            return state instanceof Live live
                    ? fail(live, KvError.PEER_LOST, "the receiver took its grant back")
                    : new Step(state);
        } else if (fetch.ticket().isPresent()) {
            String detail = describe(state) + "; it goes to another session";
            return told(fetch.session(), new Failure(KvError.BAD_ROUTE, detail), new Step(state));
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
            return told(fetch.session(), differs, ended("", Optional.of(differs)));
        } else if (fetch.ticket().isPresent()) {
            // All is granted. The receiver ignores an offer that crossed this.
            return granted(fetch.session(), fetch.ticket().get());
        }
        boolean same = fetch.session().equals(state.session());
        return new Step(same ? state : state.goingTo(fetch.session()));
    }

    private Step granted(SendState state, SendEvent.Granted grant) {
        if (state instanceof Offered offered && grant.session().equals(offered.session())) {
            return granted(grant.session(), grant.ticket());
        }
        Failure unknown = new Failure(KvError.NO_SUCH_TRANSFER, "no such offer");
        return told(grant.session(), unknown, new Step(state));
    }

    private static Step granted(Session session, Ticket ticket) {
        return new Step(new Sending(session, ticket, Count.NONE, false, false));
    }

    private Step live(Live state, SendEvent event) {
        if (event instanceof SendEvent.SessionEnded ended) {
            return sessionEnded(state, ended);
        } else if (event instanceof SendEvent.Cancelled cancelled) {
            return cancelled.session().equals(state.session())
                    ? fail(state, cancelled.failure(), reading(state))
                    : new Step(state);
        } else if (event instanceof SendEvent.Aborted aborted) {
            // If only the tail is missing, the receiver does without.
            return onlyBody(aborted.saved())
                    ? new Step(state, new SendEffect.DropTail())
                    : fail(state, KvError.CANCELLED, "the producer gave the request up");
        } else if (event instanceof SendEvent.DeadlinePassed late) {
            return fail(state, KvError.DEADLINE, late.detail());
        } else if (event instanceof SendEvent.Closing) {
            return fail(state, KvError.CLOSED, "this connector is closing");
        } else if (event instanceof SendEvent.PiecesEnded pieces) {
            return piecesEnded(state, pieces);
        }
        return state instanceof Ungranted ungranted
                ? ungranted(ungranted, event)
                : state instanceof Sending sending ? sending(sending, event) : new Step(state);
    }

    private Step sessionEnded(Live state, SendEvent.SessionEnded event) {
        if (!event.session().equals(state.session())) {
            return new Step(state);
        } else if (event.dialAgain() && state instanceof Ungranted ungranted) {
            return new Step(ungranted.goingTo(event.session()), new SendEffect.Dial());
        }
        return fail(state, event.failure(), reading(state));
    }

    private Step ungranted(Ungranted state, SendEvent event) {
        if (event instanceof SendEvent.Progress now) {
            return offer(state, now);
        } else if (event instanceof SendEvent.Dialled dialled) {
            return new Step(state.goingTo(dialled.session()));
        } else if (!(state instanceof Offered offered)) {
            return new Step(state);
        } else if (event instanceof SendEvent.Unsent lost && lost.frame() instanceof Frame.Offer) {
            return new Step(new Unoffered(offered.session(), state.refusals()));
        } else if (event instanceof SendEvent.Busy busy
                && busy.session().equals(offered.session())) {
            // Twice as long each time, within a bound: many may be waiting for the same memory.
            long waitMs = (long) busy.retryAfterMs() << Math.min(5, state.refusals());
            long untilNs = busy.nowNs() + waitMs * 1_000_000L;
            return new Step(new ToldBusy(offered.session(), state.refusals() + 1, untilNs));
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
        Frame offer = new Frame.Offer(id(), chunks.tokens(), digest, group, layers, chunks.tail());
        return new Step(
                new Offered(session, state.refusals()), new SendEffect.SendFrame(session, offer));
    }

    private Step sending(Sending state, SendEvent event) {
        if (event instanceof SendEvent.Progress now) {
            return tell(post(state, now), now);
        } else if (event instanceof SendEvent.Unsent lost && tells(lost.frame())) {
            return new Step(state.told(false));
        } else if (event instanceof SendEvent.Done done
                && done.session().equals(state.session())
                && done.ticket() == state.ticket().number()
                && allPosted(state)) {
            return state.reading()
                    ? new Step(new Finishing(state.session(), state.ticket()))
                    : ended(state.ticket().plane(), Optional.empty());
        }
        return new Step(state);
    }

    /** Posts what is saved, and a tail without content where the receiver waits for one. */
    private Step post(Sending state, SendEvent.Progress now) {
        Ticket ticket = state.ticket();
        Count before = state.posted();
        Count saved = now.saved();
        if (saved.all() > before.all()) {
            boolean wanted = ticket.tail() || saved.body() > before.body();
            return new Step(
                    state.posted(saved, state.reading() || wanted),
                    new SendEffect.Post(state.session(), ticket, before.all(), saved.all()));
        }
        boolean owesTail = ticket.tail() && now.tail() instanceof Tail.None && onlyBody(before);
        return owesTail && !state.reading()
                ? new Step(
                        state.posted(new Count(body() + layers, body()), true),
                        new SendEffect.PostEmptyTail(state.session(), ticket))
                : new Step(state);
    }

    /** Tells the receiver, once, that all it waits for is computed. */
    private Step tell(Step posted, SendEvent.Progress now) {
        Sending state = (Sending) posted.next;
        Ticket ticket = state.ticket();
        boolean computed = now.saved().body() == body();
        Frame word = new Frame.Saved(id());
        if (ticket.tail() && now.tail() instanceof Tail.Attached attached) {
            computed = now.saved().all() == layers * chunks.count();
            word = new Frame.Attachment(id(), ticket.number(), attached.content());
        } else if (ticket.tail()) {
            computed &= now.tail() instanceof Tail.None;
            word = new Frame.Attachment(id(), ticket.number(), Optional.empty());
        } else {
            computed &= ticket.arrivesSoon();
        }
        return computed && !state.told()
                ? new Step(state.told(true), posted.effects)
                        .and(new SendEffect.SendFrame(state.session(), word))
                : posted;
    }

    private static boolean tells(Frame frame) {
        return frame instanceof Frame.Saved || frame instanceof Frame.Attachment;
    }

    private Step piecesEnded(Live state, SendEvent.PiecesEnded event) {
        if (state instanceof Ungranted) {
            return new Step(state);
        } else if (event.failure().isPresent()) {
            return failTelling(state, event.failure().get(), !event.idle());
        } else if (state instanceof Sending sending) {
            return new Step(sending.posted(sending.posted(), !event.idle()));
        }
        return event.idle() ? ended(plane(state), Optional.empty()) : new Step(state);
    }

    private Step draining(Draining state, SendEvent event) {
        return event instanceof SendEvent.PiecesEnded pieces && pieces.idle()
                ? ended(plane(state), Optional.of(state.failure()))
                : new Step(state);
    }

    private Step fail(Live state, KvError error, String detail) {
        return failTelling(state, new Failure(error, detail), reading(state));
    }

    private Step failTelling(Live state, Failure failure, boolean reading) {
        Step step = fail(state, failure, reading);
        Session session = state.session();
        return session == null ? step : told(session, failure, step);
    }

    private static Step fail(Live state, Failure failure, boolean reading) {
        return reading && state instanceof Ticketed sent
                ? new Step(
                        new Draining(sent.session(), sent.ticket(), failure),
                        new SendEffect.CancelSends(sent.session(), sent.ticket()))
                : ended(plane(state), Optional.of(failure));
    }

    private static Step ended(String plane, Optional<Failure> failure) {
        Ended end = new Ended(plane, failure);
        return new Step(end, new SendEffect.Conclude(end));
    }

    /** Like {@code step}, and a peer is told first why there will be no transfer for it. */
    private Step told(Session peer, Failure why, Step step) {
        Frame cancel = new Frame.Cancel(id(), why.error(), why.detail());
        List<SendEffect> effects = new ArrayList<>();
        effects.add(new SendEffect.SendFrame(peer, cancel));
        effects.addAll(step.effects);
        return new Step(step.next, effects);
    }

    private static boolean reading(Live state) {
        return state instanceof Finishing
                || (state instanceof Sending sending && sending.reading());
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

    private static String plane(SendState state) {
        return state instanceof Ticketed ticketed ? ticketed.ticket().plane() : "";
    }

    String describe(SendState state) {
        return "transfer=%s peer=%s state=%s"
                .formatted(id(), receiver, state.getClass().getSimpleName());
    }
}
