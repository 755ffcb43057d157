// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Each pair of a state and an event has its line in {@code receive-machine.txt}: the next state,
 * and the effects in their order.
 */
class ReceiveMachineTest {

    private record Line(String state, String event, String step) {}

    static Stream<Arguments> lines() throws IOException {
        return table().stream().map(line -> Arguments.of(line.state, line.event, line.step));
    }

    @ParameterizedTest(name = "{0}: {1}")
    @MethodSource("lines")
    void shouldStepAsTheTableSays(String state, String event, String step) {
        ReceiveFixtures fixtures = new ReceiveFixtures();
        assertThat(
                        new StepText(fixtures)
                                .play(fixtures.states().get(state), fixtures.events().get(event)))
                .isEqualTo(step);
    }

    @Test
    void shouldHaveALineForEachPair() throws IOException {
        ReceiveFixtures fixtures = new ReceiveFixtures();
        List<String> pairs = new ArrayList<>();
        for (String state : fixtures.states().keySet()) {
            fixtures.events().keySet().forEach(event -> pairs.add(state + ": " + event));
        }
        assertThat(table().stream().map(line -> line.state + ": " + line.event))
                .containsExactlyInAnyOrderElementsOf(pairs);
    }

    static Stream<String> states() {
        return new ReceiveFixtures().states().keySet().stream();
    }

    @ParameterizedTest
    @MethodSource("states")
    void shouldBeDueAtItsDeadlineUnlessARequestHasItsAnswer(String name) {
        Receipt state = new ReceiveFixtures().states().get(name);
        boolean answered = Set.of("Loaded", "Failed", "Spoiled").contains(name);
        boolean waits = !answered && !name.matches("Unheard|Draining.*|Over");
        assertThat(state.due(ReceiveFixtures.KEPT_UNTIL_NS - 1)).isFalse();
        assertThat(state.due(ReceiveFixtures.KEPT_UNTIL_NS)).isEqualTo(waits);
    }

    @Test
    void shouldKnowEachStateAndEachEvent() {
        ReceiveFixtures fixtures = new ReceiveFixtures();
        assertThat(classes(fixtures.states().values())).isEqualTo(records(Receipt.class));
        assertThat(classes(fixtures.events().values())).isEqualTo(records(ReceiveEvent.class));
    }

    private static Set<Class<?>> classes(Iterable<?> objects) {
        Set<Class<?>> classes = new LinkedHashSet<>();
        objects.forEach(object -> classes.add(object.getClass()));
        return classes;
    }

    // All records that a sealed interface permits, through the interfaces between.
    private static Set<Class<?>> records(Class<?> type) {
        if (type.isRecord()) {
            return Set.of(type);
        }
        Set<Class<?>> records = new LinkedHashSet<>();
        for (Class<?> permitted : type.getPermittedSubclasses()) {
            records.addAll(records(permitted));
        }
        return records;
    }

    // A state's name stands alone in brackets; its lines follow, "event; event -> step".
    private static List<Line> table() throws IOException {
        List<Line> lines = new ArrayList<>();
        String state = "";
        for (String line : text().split("\n", -1)) {
            int arrow = line.startsWith("#") ? -1 : line.indexOf(" -> ");
            if (line.startsWith("[")) {
                state = line.substring(1, line.length() - 1);
            } else if (arrow > 0) {
                for (String event : line.substring(0, arrow).split("; ", -1)) {
                    lines.add(new Line(state, event, line.substring(arrow + 4)));
                }
            }
        }
        return lines;
    }

    private static String text() throws IOException {
        try (InputStream in = ReceiveMachineTest.class.getResourceAsStream("receive-machine.txt")) {
            return new String(
                    Objects.requireNonNull(in, "table").readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
