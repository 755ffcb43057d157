// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * All fields of sampling, singly and together, over answers of 1,000 tokens, or of 300 where each
 * takes long.
 */
class SamplerSweepTest {
    private static final int TOKENS = 1000;
    private static final int LARGE = 30_000;
    private static final int TOKENS_OF_LARGE = 300;
    private static final SamplingParams PLAIN = params(1, 1, 0, 0, 1, 0, 0);
    // What Qwen2.5 Instruct's generation_config.json has.
    private static final SamplingParams QWEN = params(.7, .8, 20, 0, 1.05, 0, 0);

    static Stream<Arguments> fields() {
        return Stream.of(
                        params(0, 1, 0, 0, 1, 0, 0),
                        PLAIN,
                        params(1e-300, 1, 0, 0, 1, 0, 0),
                        params(1e-3, 1, 0, 0, 1, 0, 0),
                        params(.7, 1, 0, 0, 1, 0, 0),
                        params(100, 1, 0, 0, 1, 0, 0),
                        params(1, Double.MIN_VALUE, 0, 0, 1, 0, 0),
                        params(1, .37, 0, 0, 1, 0, 0),
                        params(1, .9731, 0, 0, 1, 0, 0),
                        params(1, 1, 1, 0, 1, 0, 0),
                        params(1, 1, 20, 0, 1, 0, 0),
                        params(1, 1, Integer.MAX_VALUE, 0, 1, 0, 0),
                        params(1, 1, 0, 1e-300, 1, 0, 0),
                        params(1, 1, 0, .0713, 1, 0, 0),
                        params(1, 1, 0, 1, 1, 0, 0),
                        params(0, 1, 0, 0, 1.05, 0, 0),
                        params(1, 1, 0, 0, 1.05, 0, 0),
                        params(1, 1, 0, 0, 1000, 0, 0),
                        params(0, 1, 0, 0, .5, 0, 0),
                        params(1, 1, 0, 0, Double.MIN_VALUE, 0, 0),
                        params(0, 1, 0, 0, 1, 2, 0),
                        params(1, 1, 0, 0, 1, 2, 0),
                        params(1, 1, 0, 0, 1, -2, 0),
                        params(0, 1, 0, 0, 1, 0, 2),
                        params(1, 1, 0, 0, 1, 0, 2),
                        params(0, 1, 0, 0, 1, 0, -2),
                        QWEN)
                .map(Arguments::of);
    }

    @ParameterizedTest
    @MethodSource("fields")
    void shouldPickWhatThePlainSamplerPicks(SamplingParams params) {
        assertSameTokens(params, gaussian(1, 3), new int[] {0});
        assertSameTokens(params, gaussian(65, 3), new int[] {0, 64});
        assertSameTokens(params, withOddOnes(150), new int[0]);
    }

    /** The sizes that published models have: Llama 2's and Qwen2.5's. */
    @ParameterizedTest
    @ValueSource(ints = {32_000, 151_936})
    void shouldPickTheSameOfALargeVocabulary(int vocabulary) {
        // So far apart that few can be drawn: the plain sampler sorts those.
        float[] base = gaussian(vocabulary, 30);
        int[] prompt = new Random(2).ints(500, 0, vocabulary).toArray();
        assertThat(assertSameTokens(QWEN, base, prompt)).hasSizeGreaterThan(64);
    }

    @Test
    void shouldPickWhatThePlainSamplerPicksForAnyFieldsTogether() {
        long seed = System.nanoTime();
        System.out.println("seed=" + seed);
        Random random = new Random(seed);
        for (int round = 0; round < 40; round++) {
            int vocabulary = 5 + random.nextInt(200);
            float[] base =
                    random.nextBoolean()
                            ? gaussian(vocabulary, 1 + random.nextInt(8))
                            : withOddOnes(vocabulary);
            int[] prompt = random.ints(random.nextInt(150), 0, vocabulary).toArray();
            assertSameTokens(anyParams(random, vocabulary), base, prompt);
        }
    }

    private static SamplingParams anyParams(Random random, int vocabulary) {
        Map<Integer, Float> bias = new HashMap<>();
        for (int i = random.nextInt(4); i > 0; i--) {
            bias.put(random.nextInt(vocabulary), random.nextFloat() * 200 - 100);
        }
        return new SamplingParams(
                random.nextInt(4) == 0 ? 0 : Math.pow(10, random.nextDouble() * 4 - 2),
                random.nextBoolean() ? 1 : 1 - random.nextDouble(),
                random.nextBoolean() ? 0 : 1 + random.nextInt(2 * vocabulary),
                random.nextBoolean() ? 0 : random.nextDouble(),
                random.nextBoolean() ? 1 : Math.pow(10, random.nextDouble() * 6 - 3),
                random.nextBoolean() ? 0 : random.nextDouble() * 4 - 2,
                random.nextBoolean() ? 0 : random.nextDouble() * 4 - 2,
                bias,
                random.nextInt(SamplingParams.MAX_LOGPROBS + 2) - 1,
                random.nextLong());
    }

    /**
     * Compares an answer with the plain sampler's, and with that of a sampler which got the first
     * tokens from elsewhere. Up to its tenth token the answer may not end.
     *
     * @param base its numbers come round by one place a token
     * @return the tokens that were picked
     */
    private static Set<Integer> assertSameTokens(
            SamplingParams params, float[] base, int[] prompt) {
        int vocabulary = base.length;
        Sampler sampler = new Sampler(params, prompt, new SamplingSpace());
        Sampler later = new Sampler(params, prompt, new SamplingSpace());
        PlainSampler plain = new PlainSampler(params, prompt);
        int[] enders = vocabulary < 5 ? new int[0] : new int[] {1, vocabulary / 2};
        List<Integer> picked = new ArrayList<>();
        int tokens = vocabulary < LARGE ? TOKENS : TOKENS_OF_LARGE;
        for (int step = 0; step < tokens; step++) {
            float[] logits = turned(base, step);
            int[] forbidden = step < 10 ? enders : new int[0];
            SampledToken token = sampler.sample(logits.clone(), forbidden);
            picked.add(token.id());
            assertThat(token.id())
                    .as("vocabulary=%d step=%d %s", vocabulary, step, params)
                    .isEqualTo(plain.next(logits, forbidden));
            if (step < 70) {
                later.accept(token.id());
            } else {
                assertThat(later.next(logits.clone())).isEqualTo(token.id());
            }
            if (token.hasLogprob() && step % 50 == 0) {
                assertLogprobs(token, logits, params);
            }
        }
        return new HashSet<>(picked);
    }

    private static void assertLogprobs(SampledToken token, float[] raw, SamplingParams params) {
        double expected = PlainSampler.logprob(raw, token.id());
        assertThat((double) token.logprob()).isCloseTo(expected, within(precision(expected)));
        long finite = IntStream.range(0, raw.length).filter(i -> Float.isFinite(raw[i])).count();
        assertThat(token.top()).hasSize((int) Math.min(params.logprobs(), finite));
        token.top()
                .forEach(
                        other -> {
                            double wanted = PlainSampler.logprob(raw, other.id());
                            assertThat((double) other.logprob())
                                    .isCloseTo(wanted, within(precision(wanted)));
                        });
    }

    /** Precision of a float. */
    private static double precision(double number) {
        return 1e-6 * Math.max(1, Math.abs(number));
    }

    private static float[] turned(float[] base, int step) {
        float[] logits = new float[base.length];
        int from = step % base.length;
        System.arraycopy(base, from, logits, 0, base.length - from);
        System.arraycopy(base, 0, logits, base.length - from, from);
        return logits;
    }

    private static float[] gaussian(int vocabulary, double spread) {
        Random random = new Random(vocabulary);
        float[] logits = new float[vocabulary];
        for (int token = 0; token < vocabulary; token++) {
            logits[token] = (float) (random.nextGaussian() * spread);
        }
        return logits;
    }

    /** Equal numbers, both zeros, the largest ones, and what is no number. */
    private static float[] withOddOnes(int vocabulary) {
        float[] logits = gaussian(vocabulary, 4);
        float[] odd = {
            Float.NaN,
            Float.POSITIVE_INFINITY,
            Float.NEGATIVE_INFINITY,
            -0f,
            0f,
            -Float.MAX_VALUE,
            Float.MIN_VALUE
        };
        for (int token = 1; token < vocabulary; token++) {
            if (token % 4 == 0) {
                logits[token] = odd[token / 4 % odd.length];
            } else if (token % 4 == 1) {
                logits[token] = Math.round(logits[token]);
            }
        }
        return logits;
    }

    @Test
    void shouldStillPickWhereEveryTokenIsPenalisedToTheEnd() {
        float[] huge = {3e38f, 2e38f, -3e38f, -2e38f};
        for (double repetition : new double[] {Double.MIN_VALUE, 1e-3, 1000}) {
            Sampler sampler =
                    new Sampler(
                            params(0, 1, 0, 0, repetition, 2, 2),
                            new int[] {0, 1, 2, 3},
                            new SamplingSpace());
            for (int i = 0; i < 100; i++) {
                assertThat(sampler.next(huge.clone())).isBetween(0, 3);
            }
        }
    }

    private static SamplingParams params(
            double temperature,
            double topP,
            int topK,
            double minP,
            double repetition,
            double presence,
            double frequency) {
        return new SamplingParams(
                temperature,
                topP,
                topK,
                minP,
                repetition,
                presence,
                frequency,
                Map.of(),
                SamplingParams.NO_LOGPROBS,
                77);
    }
}
