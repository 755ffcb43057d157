// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

/**
 * How a request picks its next token.
 *
 * @param temperature divides the logits; 0 is greedy (the most likely token, always)
 * @param topP keep the fewest most likely tokens whose probabilities add up to this; 1 keeps all
 * @param topK keep this many most likely tokens; 0 keeps all
 * @param seed of the request's own random numbers
 */
public record SamplingParams(double temperature, double topP, int topK, long seed) {
    /** The most likely token, always. */
    public static final SamplingParams GREEDY = new SamplingParams(0, 1, 0, 0);

    private static final double MAX_TEMPERATURE = 100;

    /** Refuses values outside their range with a message that a client may see. */
    public SamplingParams {
        require(
                temperature >= 0 && temperature <= MAX_TEMPERATURE,
                "temperature",
                temperature,
                "0..100");
        require(topP > 0 && topP <= 1, "top_p", topP, "more than 0, at most 1");
        require(topK >= 0, "top_k", topK, "0 (all) or more");
    }

    private static void require(boolean met, String key, Object value, String allowed) {
        if (!met) {
            throw new IllegalArgumentException("%s=%s allowed=%s".formatted(key, value, allowed));
        }
    }
}
