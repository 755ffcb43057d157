// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.send;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.p2p.internal.send.SendMachine.Step;
import io.kvlink.p2p.internal.session.Session;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * All states and all events of a transfer on its way out. The expectations are in {@code
 * send-machine.txt}: an event, the states that answer it alike, and the answer.
 */
class SendMachineTest {

    private static final Map<String, SendState> STATES = SendSamples.states();
    private static final Map<String, SendSamples.Sample> EVENTS = SendSamples.events();
    private static final Map<String, String> TABLE = table();

    static Stream<Arguments> pairs() {
        return EVENTS.keySet().stream()
                .flatMap(
                        event -> STATES.keySet().stream().map(state -> Arguments.of(state, event)));
    }

    @ParameterizedTest(name = "{1} in {0}")
    @MethodSource("pairs")
    void shouldAnswerAsTheTableSays(String state, String event) {
        SendState before = STATES.get(state);
        SendSamples.Sample sample = EVENTS.get(event);
        Step step = sample.machine().on(before, sample.event());
        assertThat(TABLE).as("an expectation").containsKey(event + " in " + state);
        assertThat(text(before, step)).isEqualTo(TABLE.get(event + " in " + state));
    }

    @Test
    void shouldHaveAnExpectationForNothingElse() {
        assertThat(TABLE).hasSize(STATES.size() * EVENTS.size());
    }

    @Test
    void shouldKnowEveryStateAndEvent() {
        Stream<SendEvent> events = EVENTS.values().stream().map(SendSamples.Sample::event);
        assertThat(classes(STATES.values().stream())).isEqualTo(records(SendState.class));
        assertThat(classes(events)).isEqualTo(records(SendEvent.class));
    }

    private static Set<Class<?>> classes(Stream<?> values) {
        return values.map(Object::getClass).collect(Collectors.toSet());
    }

    private static Set<Class<?>> records(Class<?> sealed) {
        Set<Class<?>> found = new HashSet<>();
        for (Class<?> one : sealed.getPermittedSubclasses()) {
            found.addAll(one.isSealed() ? records(one) : Set.of(one));
        }
        return found;
    }

    private static Map<String, String> table() {
        Map<String, String> table = new LinkedHashMap<>();
        Map<String, List<String>> groups = new HashMap<>();
        String event = "";
        for (String line : lines()) {
            int colon = line.indexOf(':');
            if (line.startsWith("=")) {
                groups.put(line.substring(1, colon).strip(), words(line.substring(colon + 1)));
            } else if (line.startsWith(" ")) {
                String answer = line.substring(colon + 1).strip();
                for (String states : words(line.substring(0, colon))) {
                    for (String state : groups.getOrDefault(states, List.of(states))) {
                        String twice = table.put(event + " in " + state, answer);
                        assertThat(twice).as("%s in %s", event, state).isNull();
                    }
                }
            } else if (!line.startsWith("#") && !line.isBlank()) {
                event = line.strip();
            }
        }
        return table;
    }

    private static List<String> words(String text) {
        return List.of(text.strip().split(" ", -1));
    }

    private static List<String> lines() {
        try (InputStream in = SendMachineTest.class.getResourceAsStream("send-machine.txt")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
        } catch (IOException cause) {
            throw new AssertionError(cause);
        }
    }

    private static String text(SendState before, Step step) {
        List<String> parts = new ArrayList<>();
        if (!step.next().equals(before)) {
            parts.add(text(step.next()));
        }
        step.effects().forEach(effect -> parts.add(text(effect)));
        return parts.isEmpty() ? "-" : String.join(", ", parts);
    }

    private static String text(SendState state) {
        if (state instanceof SendState.Unoffered it) {
            return "Unoffered(%s %d)".formatted(name(it.session()), it.refusals());
        } else if (state instanceof SendState.ToldBusy it) {
            return "ToldBusy(%s %d until %d)"
                    .formatted(name(it.session()), it.refusals(), it.untilNs());
        } else if (state instanceof SendState.Offered it) {
            return "Offered(%s %d)".formatted(name(it.session()), it.refusals());
        } else if (state instanceof SendState.Sending it) {
            return "Sending(%s %d posted %d/%d%s%s)"
                    .formatted(
                            name(it.session()),
                            it.ticket().number(),
                            it.posted().body(),
                            it.posted().all(),
                            it.reading() ? " reading" : "",
                            it.told() ? " told" : "");
        } else if (state instanceof SendState.Ticketed it) {
            String what = state.getClass().getSimpleName();
            return "%s(%s %d)".formatted(what, name(it.session()), it.ticket().number());
        } else if (state instanceof SendState.Ended it) {
            String why = it.failure().map(failure -> failure.error().name()).orElse("DONE");
            return "Ended(%s)".formatted((it.plane() + " " + why).strip());
        }
        return state.getClass().getSimpleName();
    }

    private static String text(SendEffect effect) {
        if (effect instanceof SendEffect.SendFrame it) {
            return "to %s %s".formatted(name(it.session()), text(it.frame()));
        } else if (effect instanceof SendEffect.Post it) {
            return "post %d..%d for %d".formatted(it.from(), it.to(), it.ticket().number());
        } else if (effect instanceof SendEffect.PostEmptyTail it) {
            return "post empty tail for %d".formatted(it.ticket().number());
        } else if (effect instanceof SendEffect.CancelSends it) {
            return "cancel sends of %d".formatted(it.ticket().number());
        } else if (effect instanceof SendEffect.Conclude) {
            return "conclude";
        }
        return effect instanceof SendEffect.Dial ? "dial" : "drop tail";
    }

    private static String text(Frame frame) {
        if (frame instanceof Frame.Cancel it) {
            return "Cancel(%s)".formatted(it.error());
        } else if (frame instanceof Frame.Attachment it) {
            return "Attachment(%d%s)".formatted(it.ticket(), it.content().isEmpty() ? " none" : "");
        }
        return frame.getClass().getSimpleName();
    }

    private static String name(Session session) {
        return session == SendSamples.MINE ? "mine" : "other";
    }
}
