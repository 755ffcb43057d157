// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.kvlink.djl.sampling.SampledToken.TokenLogprob;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.FloatRange;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SamplerPenaltiesTest {

    private static final int NONE = SamplingParams.NO_LOGPROBS;

    @Test
    void shouldPenaliseTheTokensOfPromptAndAnswerForRepetition() {
        Sampler sampler = sampler(2, 0, 0, Map.of(), NONE, 0, 3);
        float[] logits = {4, 3, -1, -1, 0};
        // 0 and 3 are in the prompt: 4 becomes 2, -1 becomes -2.
        assertThat(sampler.next(logits)).isEqualTo(1);
        assertThat(logits).containsExactly(2, 3, -1, -2, 0);
        logits = new float[] {4, 3, -1, -1, 0};
        assertThat(sampler.next(logits)).isEqualTo(0);
        assertThat(logits).containsExactly(2, 1.5f, -1, -2, 0);
    }

    @Test
    void shouldCountTokensOfTheAnswerOnly() {
        Sampler sampler = sampler(1, .5, 1, Map.of(), NONE, 1, 1, 1);
        float[] logits = {2, 3};
        assertThat(sampler.next(logits)).isEqualTo(1);
        assertThat(logits).containsExactly(2, 3);
        logits = new float[] {2, 3};
        assertThat(sampler.next(logits)).isEqualTo(0); // 3 - .5 - 1 is less than 2
        assertThat(logits).containsExactly(2, 1.5f);
        logits = new float[] {2, 3};
        assertThat(sampler.next(logits)).isEqualTo(1);
        assertThat(logits).containsExactly(.5f, 1.5f);
        logits = new float[] {2, 3};
        sampler.next(logits);
        assertThat(logits).containsExactly(.5f, .5f); // presence counts once
    }

    @Test
    void shouldAddBiasesBeforePenalties() {
        Sampler sampler = sampler(2, 0, 0, Map.of(0, 6f, 77, 1f), NONE, 0);
        float[] logits = {-2, 3};
        assertThat(sampler.next(logits)).isEqualTo(1);
        assertThat(logits).containsExactly(2, 3);
    }

    @Test
    void shouldNotPickWhatIsForbidden() {
        Sampler sampler = new Sampler(SamplingParams.GREEDY);
        assertThat(sampler.sample(new float[] {1, 3, 2}, 1, 2).id()).isEqualTo(0);
    }

    @Property(tries = 200)
    void logprobsAreThoseOfTheModel(
            @ForAll @Size(min = 2, max = 20) List<@FloatRange(min = -20, max = 20) Float> drawn,
            @ForAll @IntRange(min = 0, max = 20) int count,
            @ForAll long seed) {
        float[] logits = new float[drawn.size()];
        for (int token = 0; token < logits.length; token++) {
            logits[token] = drawn.get(token);
        }
        SamplingParams params =
                new SamplingParams(.7, .9, 0, 0, 1.5, 1, 1, Map.of(1, 5f), count, seed);
        Sampler sampler = new Sampler(params, new int[] {0, 1}, new SamplingSpace());
        SampledToken token = sampler.sample(logits.clone(), 0);

        double norm =
                Math.log(
                        IntStream.range(0, logits.length)
                                .mapToDouble(i -> Math.exp(logits[i]))
                                .sum());
        assertThat((double) token.logprob()).isCloseTo(logits[token.id()] - norm, within(1e-4));
        assertThat(token.top()).hasSize(Math.min(count, logits.length));
        for (TokenLogprob other : token.top()) {
            assertThat((double) other.logprob()).isCloseTo(logits[other.id()] - norm, within(1e-4));
        }
        assertThat(token.top())
                .isSortedAccordingTo((a, b) -> Float.compare(b.logprob(), a.logprob()));
        if (count > 0) {
            assertThat(token.top().get(0).id()).isEqualTo(TopTokens.first(logits));
        }
    }

    @Test
    void shouldTellNoLogprobUnasked() {
        SampledToken token = new Sampler(SamplingParams.GREEDY).sample(new float[] {1, 2});
        assertThat(token.hasLogprob()).isFalse();
        assertThat(token.top()).isEmpty();
    }

    @Test
    void shouldGoOnAfterATokenPickedElsewhere() {
        SamplingParams params = new SamplingParams(1, 1, 0, 0, 1.2, .3, .3, Map.of(), NONE, 11);
        float[] logits = {1, 1.2f, .8f, .9f, 1.1f};
        Sampler here = new Sampler(params, new int[] {2}, new SamplingSpace());
        Sampler there = new Sampler(params, new int[] {2}, new SamplingSpace());
        there.accept(here.next(logits.clone()));
        for (int i = 0; i < 50; i++) {
            assertThat(there.next(logits.clone())).isEqualTo(here.next(logits.clone()));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "-0.1, 1, 0, 0, 0, min_p=-0.1",
        "1.1, 1, 0, 0, 0, min_p=1.1",
        "0, 0, 0, 0, 0, repetition_penalty=0.0",
        "0, NaN, 0, 0, 0, repetition_penalty=NaN",
        "0, 1, 2.1, 0, 0, presence_penalty=2.1",
        "0, 1, 0, -2.1, 0, frequency_penalty=-2.1",
        "0, 1, 0, 0, 21, logprobs=21",
    })
    void shouldRefuseParametersOutOfRange(
            double minP,
            double repetition,
            double presence,
            double frequency,
            int logprobs,
            String message) {
        assertThatThrownBy(
                        () ->
                                new SamplingParams(
                                        1,
                                        1,
                                        0,
                                        minP,
                                        repetition,
                                        presence,
                                        frequency,
                                        Map.of(),
                                        logprobs,
                                        0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith(message + " allowed=");
    }

    private static Sampler sampler(
            double repetition,
            double presence,
            double frequency,
            Map<Integer, Float> bias,
            int logprobs,
            int... prompt) {
        SamplingParams params =
                new SamplingParams(0, 1, 0, 0, repetition, presence, frequency, bias, logprobs, 0);
        return new Sampler(params, prompt, new SamplingSpace());
    }
}
