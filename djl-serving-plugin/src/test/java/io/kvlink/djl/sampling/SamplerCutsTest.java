// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.FloatRange;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

/** Tokens that the cuts leave, against a sampler that sorts the whole vocabulary. */
class SamplerCutsTest {

    @Property(tries = 500)
    void theNucleusIsWhatSortingWouldFind(
            @ForAll @Size(min = 1, max = 80) List<@FloatRange(min = -30, max = 30) Float> drawn,
            @ForAll @DoubleRange(min = .01, max = .99) double topP,
            @ForAll @DoubleRange(min = .1, max = 5) double temperature) {
        float[] logits = array(drawn);
        float most = logits[TopTokens.first(logits)];
        double[] weights = new double[logits.length];
        for (int token = 0; token < logits.length; token++) {
            weights[token] = Exponential.of((logits[token] - most) / temperature);
        }
        int[] found = new int[logits.length];
        int count = new Nucleus(weights, logits).find(topP, found);

        List<Integer> ranked = ranked(logits);
        double total = ranked.stream().mapToDouble(token -> weights[token]).sum();
        Set<Integer> nucleus = Set.copyOf(Arrays.stream(found, 0, count).boxed().toList());
        assertThat(nucleus).hasSize(count).isEqualTo(Set.copyOf(ranked.subList(0, count)));
        double without =
                ranked.subList(0, count - 1).stream().mapToDouble(token -> weights[token]).sum();
        double with = without + weights[ranked.get(count - 1)];
        assertThat(without).isLessThan(topP * total * (1 + 1e-9));
        assertThat(with).isGreaterThan(topP * total * (1 - 1e-9));
    }

    @Property(tries = 500)
    void theFirstTokensAreThoseOfASort(
            @ForAll @Size(min = 1, max = 200) List<@FloatRange(min = -3, max = 3) Float> drawn,
            @ForAll @IntRange(min = 1, max = 250) int count) {
        float[] logits = array(drawn);
        for (int token = 0; token < logits.length; token += 3) {
            logits[token] = Math.round(logits[token]); // equals, -0 and 0 among them
        }
        List<Integer> ranked = ranked(logits);
        assertThat(Arrays.stream(TopTokens.first(logits, count)).boxed())
                .containsExactlyElementsOf(ranked.subList(0, Math.min(count, ranked.size())));
        assertThat(TopTokens.first(logits)).isEqualTo(ranked.get(0));
    }

    @Property
    void thePowerIsThatOfTheLibrary(@ForAll @DoubleRange(min = -44, max = 0) double power) {
        double exact = StrictMath.exp(power);
        assertThat(Exponential.of(power)).isCloseTo(exact, within(1e-11 * exact));
    }

    @Test
    void shouldWeighNothingThatIsNoPower() {
        assertThat(Exponential.of(0)).isEqualTo(1);
        for (double power : new double[] {Double.NaN, Double.NEGATIVE_INFINITY, -44.1, 1e-9}) {
            assertThat(Exponential.of(power)).isZero();
        }
    }

    @Test
    void shouldKeepWhatIsLikelyEnoughForMinP() {
        // Probabilities relative to the most likely token: 1, 1/2, 1/4, 1/8.
        float[] logits = logits(1, .5, .25, .125);
        assertThat(drawn(withMinP(1, 0, .2), logits)).containsExactly(0, 1, 2);
        assertThat(drawn(withMinP(1, 0, .4), logits)).containsExactly(0, 1);
        assertThat(drawn(withMinP(1, 0, 1), logits)).containsExactly(0);
        assertThat(drawn(withMinP(1, 2, .2), logits)).containsExactly(0, 1);
        assertThat(drawn(withMinP(1, 4, .2), logits)).containsExactly(0, 1, 2);
    }

    @Test
    void shouldMeasureTheNucleusByWhatMinPLeaves() {
        // Of 1 + 1/2 + 1/4 the first token is 57 %, of 1 + 1/2 it is 67 %.
        float[] logits = logits(1, .5, .25);
        assertThat(drawn(withMinP(.6, 0, 0), logits)).containsExactly(0, 1);
        assertThat(drawn(withMinP(.6, 0, .4), logits)).containsExactly(0);
        assertThat(drawn(withMinP(.6, 3, .4), logits)).containsExactly(0);
    }

    @Test
    void shouldNotLookAtInfinity() {
        float[] logits = {Float.POSITIVE_INFINITY, 1, Float.NaN, 1, Float.NEGATIVE_INFINITY};
        for (SamplingParams params :
                List.of(
                        SamplingParams.GREEDY,
                        withMinP(1, 0, 0),
                        withMinP(.99, 0, 0),
                        withMinP(1, 5, .1))) {
            assertThat(Set.of(1, 3)).containsAll(drawn(params, logits));
        }
    }

    private static SamplingParams withMinP(double topP, int topK, double minP) {
        return new SamplingParams(
                1, topP, topK, minP, 1, 0, 0, Map.of(), SamplingParams.NO_LOGPROBS, 5);
    }

    private static float[] logits(double... weights) {
        float[] logits = new float[weights.length];
        for (int token = 0; token < logits.length; token++) {
            logits[token] = (float) Math.log(weights[token]);
        }
        return logits;
    }

    /** All tokens that come in 500 draws. */
    private static Set<Integer> drawn(SamplingParams params, float[] logits) {
        Sampler sampler = new Sampler(params);
        Set<Integer> tokens = new TreeSet<>();
        IntStream.range(0, 500).forEach(i -> tokens.add(sampler.next(logits.clone())));
        return tokens;
    }

    private static float[] array(List<Float> drawn) {
        float[] logits = new float[drawn.size()];
        for (int token = 0; token < logits.length; token++) {
            logits[token] = drawn.get(token);
        }
        return logits;
    }

    private static List<Integer> ranked(float[] logits) {
        List<Integer> tokens = new ArrayList<>(IntStream.range(0, logits.length).boxed().toList());
        tokens.sort(
                Comparator.<Integer>comparingDouble(token -> -(logits[token] + 0f))
                        .thenComparing(Comparator.naturalOrder()));
        return tokens;
    }
}
