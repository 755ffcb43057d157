// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

import java.util.Arrays;

/**
 * Picks one request's tokens. The same parameters and the same logits give the same tokens, on any
 * machine and JDK; among equally likely tokens the lowest id comes first. A logit that is not a
 * finite number is never picked. One thread.
 */
public final class Sampler {
    private final SamplingParams params;
    private final SplitMix random;

    public Sampler(SamplingParams params) {
        this.params = params;
        this.random = new SplitMix(params.seed());
    }

    /**
     * The next token; borrows {@code logits}, one a token of the vocabulary.
     *
     * @throws IllegalStateException if no logit is a finite number
     */
    public int next(float[] logits) {
        int best = mostLikely(logits);
        if (params.temperature() == 0 || params.topK() == 1) {
            return best;
        }
        double[] weights = weights(logits, logits[best]);
        int[] candidates = candidates(logits, weights);
        return draw(candidates, weights);
    }

    private static int mostLikely(float[] logits) {
        int best = -1;
        for (int token = 0; token < logits.length; token++) {
            if (Float.isFinite(logits[token]) && (best < 0 || logits[token] > logits[best])) {
                best = token;
            }
        }
        if (best < 0) {
            throw new IllegalStateException(
                    "vocabulary=%d has no finite logit".formatted(logits.length));
        }
        return best;
    }

    /** Probabilities up to a common factor; the most likely token has 1. */
    private double[] weights(float[] logits, double most) {
        double[] weights = new double[logits.length];
        for (int token = 0; token < logits.length; token++) {
            if (Float.isFinite(logits[token])) {
                // StrictMath: the same bits on every JDK.
                weights[token] = StrictMath.exp((logits[token] - most) / params.temperature());
            }
        }
        return weights;
    }

    /** The tokens that top_k and then top_p leave, the most likely first if any was cut. */
    private int[] candidates(float[] logits, double[] weights) {
        if (params.topK() == 0 && params.topP() == 1) {
            int[] all = new int[weights.length];
            Arrays.setAll(all, token -> token);
            return all;
        }
        int[] ranked = ranked(logits, weights);
        int kept = params.topK() == 0 ? ranked.length : Math.min(params.topK(), ranked.length);
        if (params.topP() == 1) {
            return Arrays.copyOf(ranked, kept);
        }
        double mass = params.topK() == 0 ? sum(weights) : sum(ranked, kept, weights);
        double nucleus = 0;
        int size = 0;
        while (size < kept && (size == 0 || nucleus < params.topP() * mass)) {
            nucleus += weights[ranked[size++]];
        }
        return Arrays.copyOf(ranked, size);
    }

    /** Tokens by falling logit, then by rising id. */
    private int[] ranked(float[] logits, double[] weights) {
        // All tokens below the floor together weigh less than what top_p cuts: no need to sort
        // them.
        double floor =
                params.topK() == 0 ? (1 - params.topP()) * sum(weights) / weights.length / 2 : 0;
        long[] keys = new long[weights.length];
        int size = 0;
        for (int token = 0; token < weights.length; token++) {
            if (Float.isFinite(logits[token]) && weights[token] >= floor) {
                keys[size++] = (long) ~ascending(logits[token]) << 32 | token;
            }
        }
        Arrays.sort(keys, 0, size);
        int[] ranked = new int[size];
        Arrays.setAll(ranked, i -> (int) keys[i]);
        return ranked;
    }

    /** An int that orders as the number does. */
    private static int ascending(float number) {
        int bits = Float.floatToIntBits(number + 0f); // makes -0 equal to 0
        return bits >= 0 ? bits : bits ^ Integer.MAX_VALUE;
    }

    private int draw(int[] candidates, double[] weights) {
        double left = random.next() * sum(candidates, candidates.length, weights);
        int last = candidates[0];
        for (int token : candidates) {
            if (weights[token] > 0) {
                last = token;
                left -= weights[token];
                if (left < 0) {
                    return token;
                }
            }
        }
        return last; // rounding left a remainder
    }

    private static double sum(double[] weights) {
        double sum = 0;
        for (double weight : weights) {
            sum += weight;
        }
        return sum;
    }

    private static double sum(int[] tokens, int count, double[] weights) {
        double sum = 0;
        for (int i = 0; i < count; i++) {
            sum += weights[tokens[i]];
        }
        return sum;
    }
}
