// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.FloatRange;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SamplerTest {
    private static final float[] LOGITS = {1, 3, 2, 3, 0};

    @Test
    void shouldPickTheLowestOfTheMostLikely() {
        assertThat(new Sampler(SamplingParams.GREEDY).next(LOGITS.clone())).isEqualTo(1);
        assertThat(new Sampler(new SamplingParams(2, 1, 1, 9)).next(LOGITS)).isEqualTo(1);
        assertThat(new Sampler(new SamplingParams(2, 1e-9, 0, 9)).next(LOGITS)).isEqualTo(1);
    }

    @Test
    void shouldKeepTheLowestIdsAmongEquals() {
        float[] equal = new float[10];
        assertThat(drawn(new SamplingParams(1, 1, 3, 1), equal, 500)).containsOnly(0, 1, 2);
        assertThat(drawn(new SamplingParams(1, .45, 0, 1), equal, 500)).containsOnly(0, 1, 2, 3, 4);
    }

    @Test
    void shouldDrawByProbability() {
        int[] drawn = drawn(new SamplingParams(1, 1, 0, 3), LOGITS, 20_000);
        double total = IntStream.range(0, 5).mapToDouble(i -> Math.exp(LOGITS[i])).sum();
        for (int token = 0; token < LOGITS.length; token++) {
            int wanted = token;
            double share = Arrays.stream(drawn).filter(t -> t == wanted).count() / 20_000.0;
            assertThat(share).isCloseTo(Math.exp(LOGITS[token]) / total, within(.02));
        }
    }

    @Test
    void shouldRepeatForTheSameSeedOnly() {
        SamplingParams params = new SamplingParams(1, .95, 0, 42);
        int[] first = drawn(params, LOGITS, 50);
        assertThat(drawn(params, LOGITS, 50)).containsExactly(first);
        assertThat(drawn(new SamplingParams(1, .95, 0, 43), LOGITS, 50)).isNotEqualTo(first);
    }

    /** Pinned: a change of the sequence changes what users get for a seed. */
    @Test
    void shouldKeepItsSequenceForEver() {
        assertThat(drawn(new SamplingParams(1, 1, 0, 7), LOGITS, 12))
                .containsExactly(1, 0, 3, 2, 2, 1, 2, 1, 1, 1, 1, 3);
    }

    @Test
    void shouldNeverPickWhatIsNoNumber() {
        float[] logits = {Float.NaN, 0, Float.NEGATIVE_INFINITY, 0};
        assertThat(drawn(new SamplingParams(1, 1, 0, 1), logits, 100)).containsOnly(1, 3);
        assertThat(drawn(new SamplingParams(1, .99, 0, 1), logits, 100)).containsOnly(1, 3);
        assertThat(drawn(new SamplingParams(1, 1, 4, 1), logits, 100)).containsOnly(1, 3);
        assertThatThrownBy(() -> new Sampler(SamplingParams.GREEDY).next(new float[] {Float.NaN}))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("vocabulary=1 has no finite logit");
    }

    @Property
    void pickedTokenIsInTheNucleus(
            @ForAll @Size(min = 1, max = 60) List<@FloatRange(min = -20, max = 20) Float> drawn,
            @ForAll @DoubleRange(min = .05, max = .99) double topP,
            @ForAll @IntRange(min = 0, max = 5) int topK,
            @ForAll long seed) {
        float[] logits = new float[drawn.size()];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = drawn.get(i);
        }
        int token = new Sampler(new SamplingParams(1, topP, topK, seed)).next(logits);
        double total = 0;
        double ahead = 0;
        int rank = 0;
        for (int other = 0; other < logits.length; other++) {
            double weight = Math.exp(logits[other]);
            total += weight;
            boolean first =
                    logits[other] > logits[token]
                            || (logits[other] == logits[token] && other < token);
            ahead += first ? weight : 0;
            rank += first ? 1 : 0;
        }
        if (topK > 0) {
            assertThat(rank).isLessThan(topK);
        } else {
            assertThat(ahead).isLessThanOrEqualTo(topP * total * (1 + 1e-9));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "-0.1, 1, 0, temperature=-0.1",
        "NaN, 1, 0, temperature=NaN",
        "101, 1, 0, temperature=101.0",
        "1, 0, 0, top_p=0.0",
        "1, 1.1, 0, top_p=1.1",
        "1, NaN, 0, top_p=NaN",
        "1, 1, -1, top_k=-1",
    })
    void shouldRefuseParametersOutOfRange(
            double temperature, double topP, int topK, String message) {
        assertThatThrownBy(() -> new SamplingParams(temperature, topP, topK, 0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith(message + " allowed=");
    }

    private static int[] drawn(SamplingParams params, float[] logits, int count) {
        Sampler sampler = new Sampler(params);
        return IntStream.range(0, count).map(i -> sampler.next(logits)).toArray();
    }
}
