// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.sampling;

import io.kvlink.djl.sampling.SampledToken.TokenLogprob;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Picks one request's tokens. Equal parameters and logits give equal tokens, on any machine and
 * JDK. Among equally likely tokens the lowest id comes first. A logit that is not a finite number
 * is never picked. One thread.
 *
 * <p>A greedy token costs one look at each logit, {@code top_k} little more, since only the kept
 * ones get a probability. Without {@code top_k} each token of the vocabulary gets one.
 */
public final class Sampler {
    private static final int[] NONE = {};

    private final SamplingParams params;
    private final SplitMix random;
    private final int[] promptTokens;
    private final SamplingSpace space;
    // With the first token: a request that waits needs none, and its prompt may be long.
    private @Nullable Penalties penalties;

    /**
     * Makes a sampler for which the prompt doesn't matter: nothing is penalised for being in it.
     */
    public Sampler(SamplingParams params) {
        this(params, NONE, new SamplingSpace());
    }

    /**
     * Makes a sampler for one answer.
     *
     * @param promptTokens looked at by the repetition penalty; borrowed
     * @param space of the thread that samples; kept
     */
    public Sampler(SamplingParams params, int[] promptTokens, SamplingSpace space) {
        this.params = params;
        this.random = new SplitMix(params.seed());
        this.promptTokens = promptTokens;
        this.space = space;
    }

    /** The next token's id; see {@link #sample}. */
    public int next(float[] logits) {
        return sample(logits, NONE).id();
    }

    /**
     * The next token.
     *
     * @param logits one a token of the vocabulary; changed
     * @param forbidden tokens that may not be picked; borrowed
     * @throws IllegalStateException if no logit is a finite number
     */
    public SampledToken sample(float[] logits, int... forbidden) {
        if (params.logprobs() == SamplingParams.NO_LOGPROBS) {
            return new SampledToken(pick(logits, forbidden));
        }
        float[] raw = changes(forbidden) ? logits.clone() : logits;
        return withLogprobs(pick(logits, forbidden), raw);
    }

    /**
     * A token was picked elsewhere with the same parameters: goes on as if it had been picked here.
     */
    public void accept(int token) {
        if (!params.greedy()) {
            random.next();
        }
        added(token);
    }

    private boolean changes(int[] forbidden) {
        return forbidden.length > 0 || params.penalises() || !params.logitBias().isEmpty();
    }

    private int pick(float[] logits, int[] forbidden) {
        change(logits, forbidden);
        int best = TopTokens.first(logits);
        if (best < 0) {
            throw new IllegalStateException(
                    "vocabulary=%d has no finite logit".formatted(logits.length));
        }
        int token = params.greedy() ? best : draw(logits, logits[best]);
        added(token);
        return token;
    }

    private void added(int token) {
        if (params.penalises()) {
            penalties().add(token);
        }
    }

    private void change(float[] logits, int[] forbidden) {
        params.logitBias()
                .forEach(
                        (token, bias) -> {
                            if (token < logits.length) {
                                logits[token] += bias;
                            }
                        });
        for (int token : forbidden) {
            logits[token] = Float.NEGATIVE_INFINITY;
        }
        if (params.penalises()) {
            penalties().apply(logits);
        }
    }

    private Penalties penalties() {
        Penalties known = penalties;
        if (known == null) {
            known = new Penalties(params, promptTokens);
            penalties = known;
        }
        return known;
    }

    private int draw(float[] logits, double most) {
        double[] weights = space.weights(logits.length);
        double lowest = params.minP() == 0 ? Exponential.LOWEST : StrictMath.log(params.minP());
        if (params.topK() > 0) {
            int[] kept = TopTokens.first(logits, params.topK());
            return draw(kept, weigh(kept, logits, most, lowest, weights), weights);
        }
        double total = 0;
        for (int token = 0; token < logits.length; token++) {
            double power = (logits[token] - most) / params.temperature();
            double weight = power >= lowest ? Exponential.of(power) : 0;
            weights[token] = weight;
            total += weight;
        }
        if (params.topP() == 1) {
            return drawOfAll(logits.length, total, weights);
        }
        int[] tokens = space.tokens(logits.length);
        int kept = new Nucleus(weights, logits).find(params.topP(), tokens);
        return draw(tokens, kept, weights);
    }

    /** Weighs tokens in their order; how many of them min_p and top_p leave. */
    private int weigh(int[] ranked, float[] logits, double most, double lowest, double[] weights) {
        double total = 0;
        int kept = 0;
        for (int token : ranked) {
            double power = (logits[token] - most) / params.temperature();
            if (power >= lowest) {
                weights[token] = Exponential.of(power);
                total += weights[token];
                kept++;
            }
        }
        double nucleus = 0;
        int size = 0;
        while (size < kept && (size == 0 || nucleus < params.topP() * total)) {
            nucleus += weights[ranked[size++]];
        }
        return size;
    }

    private int draw(int[] tokens, int count, double[] weights) {
        double total = 0;
        for (int i = 0; i < count; i++) {
            total += weights[tokens[i]];
        }
        double left = random.next() * total;
        int last = tokens[0];
        for (int i = 0; i < count; i++) {
            double weight = weights[tokens[i]];
            if (weight > 0) {
                last = tokens[i];
                left -= weight;
                if (left < 0) {
                    return last;
                }
            }
        }
        return last; // rounding left a remainder
    }

    private int drawOfAll(int vocabulary, double total, double[] weights) {
        double left = random.next() * total;
        int last = 0;
        for (int token = 0; token < vocabulary; token++) {
            if (weights[token] > 0) {
                last = token;
                left -= weights[token];
                if (left < 0) {
                    return token;
                }
            }
        }
        return last;
    }

    private SampledToken withLogprobs(int token, float[] raw) {
        int[] ranked = TopTokens.first(raw, Math.max(1, params.logprobs()));
        double most = raw[ranked[0]];
        double total = 0;
        for (float logit : raw) {
            total += Exponential.of(logit - most);
        }
        double norm = most + StrictMath.log(total);
        List<TokenLogprob> top = new ArrayList<>(params.logprobs());
        for (int i = 0; i < Math.min(params.logprobs(), ranked.length); i++) {
            top.add(new TokenLogprob(ranked[i], (float) (raw[ranked[i]] - norm)));
        }
        return new SampledToken(token, (float) (raw[token] - norm), top);
    }
}
