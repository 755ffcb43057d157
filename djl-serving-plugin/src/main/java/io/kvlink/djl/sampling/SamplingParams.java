// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.sampling;

import java.util.Map;

/**
 * Rules by which a request picks its next token. The logits are changed in this order: {@code
 * logitBias}, the penalties, {@code temperature}; then {@code minP}, {@code topK} and {@code topP}
 * cut.
 *
 * @param temperature divides the logits; 0 is greedy (the most likely token, always)
 * @param topP keep the fewest most likely tokens whose probabilities add up to this; 1 keeps all
 * @param topK keep this many most likely tokens; 0 keeps all
 * @param minP keep the tokens at least so likely as this times the most likely one; 0 keeps all
 * @param repetitionPenalty divides the positive logits of the prompt's and the answer's tokens, and
 *     multiplies their negative ones; 1 changes nothing
 * @param presencePenalty taken from the logit of each token that the answer has; 0 changes nothing
 * @param frequencyPenalty taken from the logit of a token as often as the answer has it; 0 changes
 *     nothing
 * @param logitBias added to the logits of tokens
 * @param logprobs most likely tokens told of beside each picked one, from 0; {@link #NO_LOGPROBS}
 *     for no log-probabilities at all
 * @param seed of the request's own random numbers
 */
public record SamplingParams(
        double temperature,
        double topP,
        int topK,
        double minP,
        double repetitionPenalty,
        double presencePenalty,
        double frequencyPenalty,
        Map<Integer, Float> logitBias,
        int logprobs,
        long seed) {

    /** No log-probabilities. */
    public static final int NO_LOGPROBS = -1;

    /** Most alternatives of a token. */
    public static final int MAX_LOGPROBS = 20;

    /** The most likely token, always. */
    public static final SamplingParams GREEDY = new SamplingParams(0, 1, 0, 0);

    public static final double MAX_TEMPERATURE = 100;
    public static final double MAX_REPETITION = 1000;

    /** Refuses values outside their range with a message that a client may see. */
    public SamplingParams {
        require(
                temperature >= 0 && temperature <= MAX_TEMPERATURE,
                "temperature",
                temperature,
                "0..100");
        require(topP > 0 && topP <= 1, "top_p", topP, "more than 0, at most 1");
        require(topK >= 0, "top_k", topK, "0 (all) or more");
        require(minP >= 0 && minP <= 1, "min_p", minP, "0..1");
        require(
                repetitionPenalty > 0 && repetitionPenalty <= MAX_REPETITION,
                "repetition_penalty",
                repetitionPenalty,
                "more than 0, at most 1000");
        requirePenalty("presence_penalty", presencePenalty);
        requirePenalty("frequency_penalty", frequencyPenalty);
        require(
                logprobs >= NO_LOGPROBS && logprobs <= MAX_LOGPROBS,
                "logprobs",
                logprobs,
                "0.." + MAX_LOGPROBS);
        logitBias = Map.copyOf(logitBias);
        logitBias.forEach(
                (token, bias) ->
                        require(
                                token >= 0 && Math.abs(bias) <= 100,
                                "logit_bias",
                                token + ":" + bias,
                                "token ids from 0, and -100..100"));
    }

    /** Makes parameters without penalties, biases and log-probabilities. */
    public SamplingParams(double temperature, double topP, int topK, long seed) {
        this(temperature, topP, topK, 0, 1, 0, 0, Map.of(), NO_LOGPROBS, seed);
    }

    /** Copy with other random numbers. */
    public SamplingParams withSeed(long other) {
        return new SamplingParams(
                temperature,
                topP,
                topK,
                minP,
                repetitionPenalty,
                presencePenalty,
                frequencyPenalty,
                logitBias,
                logprobs,
                other);
    }

    /** Copy with so many alternatives, or {@link #NO_LOGPROBS}. */
    public SamplingParams withLogprobs(int alternatives) {
        return new SamplingParams(
                temperature,
                topP,
                topK,
                minP,
                repetitionPenalty,
                presencePenalty,
                frequencyPenalty,
                logitBias,
                alternatives,
                seed);
    }

    /** True if no random number is needed. */
    public boolean greedy() {
        return temperature == 0 || topK == 1;
    }

    public boolean penalises() {
        return repetitionPenalty != 1 || presencePenalty != 0 || frequencyPenalty != 0;
    }

    private static void requirePenalty(String key, double value) {
        require(value >= -2 && value <= 2, key, value, "-2..2");
    }

    private static void require(boolean met, String key, Object value, String allowed) {
        if (!met) {
            throw new IllegalArgumentException("%s=%s allowed=%s".formatted(key, value, allowed));
        }
    }
}
