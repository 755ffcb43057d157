// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.djl.sampling.SampledToken;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class FlightsTest {

    private static final int TOKENS = 100;

    private final PrefillRate rate = new PrefillRate();
    private final AtomicLong nowNs = new AtomicLong();
    private final Flights flights = new Flights(rate, nowNs::get);
    private final Map<Sequence, Throwable> failures = new LinkedHashMap<>();

    private static DecoderCall call(Sequence sequence) {
        return new DecoderCall.Chunks(
                List.of(new WorkUnit(sequence, TOKENS, TOKENS, true)), List.of());
    }

    @Test
    void shouldMeasureCallsThatWaitForNoConnector() {
        Sequence sequence = Sequences.waiting(new int[500]);
        flights.add(call(sequence), () -> List.of(token(7)), (unit, token) -> {}, 0, false);
        nowNs.set(1_000_000);
        flights.land(1, failures);
        assertThat(rate.tokensIn(1)).isEqualTo(Integer.MAX_VALUE);
        flights.add(call(sequence), () -> List.of(token(7)), (unit, token) -> {}, 1_000_000, true);
        nowNs.set(2_000_000);
        flights.land(2, failures);
        assertThat(rate.tokensIn(2_000_000)).isEqualTo(2 * TOKENS);
    }

    private static SampledToken token(int id) {
        return new SampledToken(id);
    }

    @Test
    void shouldTellNothingMoreOfASequenceThatHasFailed() {
        Sequence failing = Sequences.waiting(new int[500]);
        Sequence other = Sequences.waiting(new int[500]);
        List<Integer> told = new ArrayList<>();
        Flights.Output output =
                (unit, token) -> {
                    told.add(token.id());
                    if (token.id() == 1) {
                        throw new IllegalStateException("made by the test");
                    }
                };
        flights.add(call(failing), () -> List.of(token(1)), output, 0, true);
        flights.add(call(failing), () -> List.of(token(2)), output, 0, true);
        flights.add(call(other), () -> List.of(token(3)), output, 0, true);
        flights.land(3, failures);
        assertThat(told).containsExactly(1, 3);
        assertThat(failures).containsOnlyKeys(failing);
        assertThat(failing.flying()).isFalse();
    }

    @Test
    void shouldAwaitWhatItDropsAndTellNobody() {
        Sequence sequence = Sequences.waiting(new int[500]);
        List<Throwable> thrown = new ArrayList<>();
        Flights.Output nobody =
                (unit, token) -> {
                    throw new AssertionError("told");
                };
        IllegalStateException failure = new IllegalStateException("made by the test");
        flights.add(
                call(sequence),
                () -> {
                    throw failure;
                },
                nobody,
                0,
                true);
        flights.add(call(sequence), () -> List.of(token(2)), nobody, 0, true);
        flights.drop(thrown::add);
        assertThat(thrown).containsExactly(failure);
        assertThat(sequence.flying()).isFalse();
        assertThat(flights.landed()).isEqualTo(flights.launched()).isEqualTo(2);
    }
}
