// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.sampling;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Twin of {@link Sampler}, written down without a thought of speed. */
final class PlainSampler {
    private static final double LOWEST = -44;

    private final SamplingParams params;
    private final SplittableRandom random;
    private final List<Integer> prompt;
    private final List<Integer> answer = new ArrayList<>();

    PlainSampler(SamplingParams params, int... prompt) {
        this.params = params;
        this.random = new SplittableRandom(params.seed());
        this.prompt = Arrays.stream(prompt).boxed().toList();
    }

    /** The next token; leaves the logits alone. */
    int next(float[] raw, int... forbidden) {
        float[] logits = changed(raw, forbidden);
        List<Integer> ranked = ranked(logits);
        int token = ranked.get(0);
        if (params.temperature() != 0 && params.topK() != 1) {
            token = draw(inOrder(cut(ranked, logits), logits), logits);
        }
        answer.add(token);
        return token;
    }

    private float[] changed(float[] raw, int... forbidden) {
        float[] logits = raw.clone();
        params.logitBias().forEach((token, bias) -> logits[token] += bias);
        Arrays.stream(forbidden).forEach(token -> logits[token] = Float.NEGATIVE_INFINITY);
        int[] counts = new int[logits.length];
        answer.forEach(token -> counts[token]++);
        boolean[] repeated = new boolean[logits.length];
        prompt.forEach(token -> repeated[token] = true);
        answer.forEach(token -> repeated[token] = true);
        for (int token = 0; token < logits.length; token++) {
            if (repeated[token] && Float.isFinite(logits[token])) {
                double factor = params.repetitionPenalty();
                double logit = logits[token] > 0 ? logits[token] / factor : logits[token] * factor;
                logit -= counts[token] * params.frequencyPenalty();
                logit -= counts[token] > 0 ? params.presencePenalty() : 0;
                logits[token] =
                        (float) Math.min(Math.max(logit, -Float.MAX_VALUE), Float.MAX_VALUE);
            }
        }
        return logits;
    }

    /** Tokens that may be drawn, by falling logit, then by rising id. */
    private List<Integer> ranked(float[] logits) {
        int[] finite =
                IntStream.range(0, logits.length)
                        .filter(token -> Float.isFinite(logits[token]))
                        .toArray();
        double most = Arrays.stream(finite).mapToDouble(token -> logits[token]).max().orElseThrow();
        double least = most + LOWEST * params.temperature();
        return Arrays.stream(finite)
                .filter(token -> logits[token] >= least)
                .boxed()
                .sorted(Comparator.comparingDouble(token -> -(logits[token] + 0f)))
                .toList();
    }

    private List<Integer> cut(List<Integer> ranked, float[] logits) {
        double most = logits[ranked.get(0)];
        List<Integer> likely =
                ranked.stream()
                        .limit(params.topK() == 0 ? ranked.size() : params.topK())
                        .filter(token -> weight(logits[token] - most) >= params.minP())
                        .toList();
        double total = likely.stream().mapToDouble(token -> weight(logits[token] - most)).sum();
        double sum = 0;
        int size = 0;
        while (size < likely.size()
                && (size == 0 || params.topP() == 1 || sum < params.topP() * total)) {
            sum += weight(logits[likely.get(size++)] - most);
        }
        return likely.subList(0, size);
    }

    /**
     * Sorts by rank after {@code top_k}; else by id, but for tokens about as likely as the last
     * one.
     */
    private List<Integer> inOrder(List<Integer> kept, float[] logits) {
        if (params.topK() > 0) {
            return kept;
        }
        double most = logits[kept.get(0)];
        long last = size(weight(logits[kept.get(kept.size() - 1)] - most));
        Predicate<Integer> byId =
                token -> params.topP() == 1 || size(weight(logits[token] - most)) > last;
        return Stream.concat(
                        kept.stream().filter(byId).sorted(), kept.stream().filter(byId.negate()))
                .toList();
    }

    private int draw(List<Integer> kept, float[] logits) {
        double most = kept.stream().mapToDouble(token -> logits[token]).max().orElseThrow();
        double total = 0;
        for (int token : kept) {
            total += weight(logits[token] - most);
        }
        double left = random.nextDouble() * total;
        int last = kept.get(0);
        for (int token : kept) {
            double weight = weight(logits[token] - most);
            last = weight > 0 ? token : last;
            left -= weight;
            if (weight > 0 && left < 0) {
                break;
            }
        }
        return last;
    }

    /** Weight of a token; one that is less likely than the first by e to -44 has none. */
    private double weight(double difference) {
        double power = difference / params.temperature();
        return power < LOWEST ? 0 : StrictMath.exp(power);
    }

    /** Eight sizes to each power of two. */
    private static long size(double weight) {
        return Double.doubleToRawLongBits(weight) >>> 49;
    }

    /** The log of a token's probability in what the model gave. */
    static double logprob(float[] raw, int token) {
        double most = -Double.MAX_VALUE;
        for (float logit : raw) {
            most = Float.isFinite(logit) ? Math.max(most, logit) : most;
        }
        double total = 0;
        for (float logit : raw) {
            total += Float.isFinite(logit) ? StrictMath.exp(logit - most) : 0;
        }
        return raw[token] - most - StrictMath.log(total);
    }
}
