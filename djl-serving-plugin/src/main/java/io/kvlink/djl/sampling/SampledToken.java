// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.sampling;

import java.util.List;

/**
 * A token that was picked, and how likely the model found it. Log-probabilities are natural
 * logarithms of what the model itself says: before penalties, biases, temperature and cuts.
 *
 * @param id the token
 * @param logprob of the token; NaN if none was asked for
 * @param top the most likely tokens, the likeliest first, among equals the lowest id first; empty
 *     if none were asked for
 */
public record SampledToken(int id, float logprob, List<TokenLogprob> top) {

    /** A token and its log-probability. */
    public record TokenLogprob(int id, float logprob) {}

    public SampledToken {
        top = List.copyOf(top);
    }

    /** Makes a token without log-probabilities. */
    public SampledToken(int id) {
        this(id, Float.NaN, List.of());
    }

    /** True if log-probabilities were asked for. */
    public boolean hasLogprob() {
        return !Float.isNaN(logprob);
    }
}
