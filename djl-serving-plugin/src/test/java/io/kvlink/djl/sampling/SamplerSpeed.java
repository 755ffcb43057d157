// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.sampling;

import java.util.Map;
import java.util.Random;

/** Cost of a token on the scheduler's thread, by hand: {@code java … SamplerSpeed [vocabulary]}. */
final class SamplerSpeed {
    private static final int ROUNDS = 200;

    private SamplerSpeed() {}

    public static void main(String[] args) {
        int vocabulary = args.length == 0 ? 151_936 : Integer.parseInt(args[0]);
        Random random = new Random(1);
        float[] logits = new float[vocabulary];
        for (int token = 0; token < vocabulary; token++) {
            logits[token] = (float) (3 * random.nextGaussian());
        }
        int none = SamplingParams.NO_LOGPROBS;
        measure("greedy", SamplingParams.GREEDY, logits);
        measure("greedy, 20 logprobs", SamplingParams.GREEDY.withLogprobs(20), logits);
        measure("temperature 1", new SamplingParams(1, 1, 0, 1), logits);
        measure("top_p 0.9", new SamplingParams(1, .9, 0, 1), logits);
        measure("top_p 0.9 at temperature 5", new SamplingParams(5, .9, 0, 1), logits);
        measure("top_k 40, top_p 0.9", new SamplingParams(1, .9, 40, 1), logits);
        measure("min_p 0.05", new SamplingParams(1, 1, 0, .05, 1, 0, 0, Map.of(), none, 1), logits);
        measure(
                "repetition_penalty, greedy",
                new SamplingParams(0, 1, 0, 0, 1.1, 0, 0, Map.of(), none, 1),
                logits);
    }

    private static void measure(String name, SamplingParams params, float[] logits) {
        int[] prompt = new Random(2).ints(2000, 0, logits.length).toArray();
        Sampler sampler = new Sampler(params, prompt, new SamplingSpace());
        float[] copy = logits.clone();
        long best = Long.MAX_VALUE;
        for (int round = 0; round < ROUNDS; round++) {
            System.arraycopy(logits, 0, copy, 0, logits.length);
            long start = System.nanoTime();
            sampler.next(copy);
            best = Math.min(best, System.nanoTime() - start);
        }
        System.out.printf("%-28s %7.1f us%n", name, best / 1e3);
    }
}
