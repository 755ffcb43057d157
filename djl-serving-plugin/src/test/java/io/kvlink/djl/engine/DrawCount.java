// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.kvlink.djl.sampling.SampledToken;
import io.kvlink.djl.sampling.SamplingParams;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** Draws of one token, compared with how likely each is. */
final class DrawCount {
    // Rarer tokens are counted together, or chance would count too much.
    private static final double LEAST = 5;

    private final SamplingParams params;
    private final double[] logprobs;
    private final double[] probabilities;
    private final int[] counts;
    private int draws;

    /** Makes the count for draws from some logits. */
    DrawCount(SamplingParams params, double[] logits) {
        this.params = params;
        this.logprobs = LogprobCheck.logprobs(logits);
        this.probabilities = probabilities(params, logits);
        this.counts = new int[logits.length];
    }

    /** Probabilities by the rules that {@link SamplingParams} documents. */
    private static double[] probabilities(SamplingParams params, double[] logits) {
        double[] scaled = logits.clone();
        params.logitBias().forEach((token, bias) -> scaled[token] += bias);
        double most = IntStream.range(0, scaled.length).mapToDouble(i -> scaled[i]).max().orElse(0);
        for (int i = 0; i < scaled.length; i++) {
            scaled[i] = Math.exp((scaled[i] - most) / params.temperature());
        }
        List<Integer> kept =
                IntStream.range(0, scaled.length)
                        .boxed()
                        .sorted(Comparator.comparingDouble(token -> -scaled[token]))
                        .limit(params.topK() == 0 ? scaled.length : params.topK())
                        .filter(token -> scaled[token] >= params.minP())
                        .toList();
        double total = kept.stream().mapToDouble(token -> scaled[token]).sum();
        double[] probabilities = new double[scaled.length];
        double sum = 0;
        for (int token : kept) {
            if (sum < params.topP() * total) {
                probabilities[token] = scaled[token];
                sum += scaled[token];
            }
        }
        for (int i = 0; i < probabilities.length; i++) {
            probabilities[i] /= sum;
        }
        return probabilities;
    }

    void add(SampledToken token) {
        counts[token.id()]++;
        draws++;
        assertThat((double) token.logprob()).isCloseTo(logprobs[token.id()], within(1e-4));
        assertThat(token.top()).hasSize(params.logprobs());
    }

    /** Chi-square; a bound that chance alone passes once in millions of years. */
    void check() {
        double square = 0;
        int cells = 0;
        double rareWanted = 0;
        int rare = 0;
        for (int token = 0; token < counts.length; token++) {
            double wanted = draws * probabilities[token];
            if (wanted == 0) {
                assertThat(counts[token]).as("%s token=%d", params, token).isZero();
            } else if (wanted < LEAST) {
                rareWanted += wanted;
                rare += counts[token];
            } else {
                square += (counts[token] - wanted) * (counts[token] - wanted) / wanted;
                cells++;
            }
        }
        if (rareWanted > LEAST) {
            square += (rare - rareWanted) * (rare - rareWanted) / rareWanted;
            cells++;
        }
        assertThat(cells).as("%s", params).isGreaterThan(2);
        assertThat(square).as("%s", params).isLessThan(cells + 6 * Math.sqrt(2.0 * cells) + 10);
    }
}
