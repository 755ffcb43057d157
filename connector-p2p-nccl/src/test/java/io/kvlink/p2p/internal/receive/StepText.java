// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.arrival.Expectation;
import io.kvlink.p2p.internal.control.Frame;
import java.util.stream.Collectors;

/** A step in words, as the table has it: the next state, and then the effects in their order. */
final class StepText {

    private final ReceiveFixtures fixtures;

    StepText(ReceiveFixtures fixtures) {
        this.fixtures = fixtures;
    }

    /** The step, or "illegal" with the exception's name. */
    String play(Receipt state, ReceiveEvent event) {
        ReceiveMachine.Step step;
        try {
            step = ReceiveMachine.on(state, event);
        } catch (IllegalStateException illegal) {
            return "illegal: IllegalStateException";
        }
        String effects =
                step.effects().stream().map(this::effect).collect(Collectors.joining("; "));
        String next = step.next() == state ? "as it was" : state(step.next());
        return effects.isEmpty() ? next : next + " | " + effects;
    }

    private String state(Receipt state) {
        StringBuilder text = new StringBuilder(state.getClass().getSimpleName());
        if (state instanceof Receipt.Unfinished unfinished) {
            text.append(", ").append(claim(unfinished.claim()));
        } else if (state instanceof Draining draining) {
            text.append(", ").append(claim(draining.claim()));
        } else if (state instanceof Over over) {
            text.append(", ").append(over.told());
        } else if (state instanceof Unclaimed unclaimed) {
            text.append(unclaimed.attachment().isPresent() ? ", attachment" : "");
        }
        if (state instanceof Receipt.Arriving arriving) {
            text.append(arriving.delivery().computed().isPresent() ? ", computed" : "");
        }
        if (state instanceof Standing standing) {
            standing.crossing().ifPresent(by -> text.append(", crossing"));
        }
        if (state instanceof Receipt.Timed timed) {
            text.append(", deadline ").append(ReceiveFixtures.deadline(timed.deadlineNs()));
        }
        return text.toString();
    }

    private static String claim(Claim claim) {
        String who = claim.request().map(StepText::request).orElse("");
        String kind = claim.getClass().getSimpleName().toLowerCase(java.util.Locale.ROOT);
        return who.isEmpty() ? kind : kind + " by " + who;
    }

    private static String request(Expectation request) {
        return request.request().id();
    }

    private String effect(ReceiveEffect effect) {
        if (effect instanceof ReceiveEffect.Send send) {
            return frame(send.frame()) + " to " + fixtures.name(send.to());
        } else if (effect instanceof ReceiveEffect.SendFetch fetch) {
            String under = fetch.ticket().map(ticket -> " under " + ticket.number()).orElse("");
            return "FETCH" + under + " to " + fixtures.name(fetch.call());
        } else if (effect instanceof ReceiveEffect.SendGrant grant) {
            return "GRANT " + grant.ticket().number();
        } else if (effect instanceof ReceiveEffect.Tell tell) {
            return "tell " + request(tell.request()) + " " + word(tell.word());
        } else if (effect instanceof ReceiveEffect.CountFailed failed) {
            return "count " + failed.why().error() + " with " + failed.bytes() + " bytes";
        } else if (effect instanceof ReceiveEffect.Reserve reserve) {
            return "reserve" + (reserve.tail() ? " with tail" : "");
        } else if (effect instanceof ReceiveEffect.ReserveAhead reserve) {
            return "reserve ahead" + (reserve.tail() ? " with tail" : "");
        } else if (effect instanceof ReceiveEffect.Post post) {
            return "post " + post.ticket().number();
        } else if (effect instanceof ReceiveEffect.CancelReceive cancel) {
            return "cancel receive " + cancel.ticket().number();
        } else if (effect instanceof ReceiveEffect.CloseLeases close) {
            return "free " + close.ticket().number();
        } else if (effect instanceof ReceiveEffect.CountReceived received) {
            return "count received " + received.ticket().number();
        } else if (effect instanceof ReceiveEffect.Dial dial) {
            return "dial " + dial.prefill();
        }
        return effect instanceof ReceiveEffect.Wake ? "wake" : "warn that it is unclaimed";
    }

    private static String word(Expectation.Status word) {
        if (word instanceof Expectation.Ready ready) {
            return ready.attachment().isPresent() ? "READY with attachment" : "READY";
        }
        return String.valueOf(((Expectation.Failed) word).error());
    }

    private static String frame(Frame frame) {
        if (frame instanceof Frame.Cancel cancel) {
            return "CANCEL " + cancel.error();
        }
        return frame instanceof Frame.Done done ? "DONE " + done.ticket() : "BUSY";
    }
}
