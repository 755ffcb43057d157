// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import io.kvlink.djl.engine.DecodeRow;
import io.kvlink.djl.engine.TokenPicker;
import io.kvlink.djl.sampling.SampledToken;
import io.kvlink.djl.sampling.Sampler;
import io.kvlink.djl.sampling.SamplingParams;
import io.kvlink.djl.sampling.SamplingSpace;

/** Picks tokens from logits on the host. Decoder's thread. */
final class HostPicker implements TokenPicker {
    private static final int[] NOTHING = {};

    private final Sampler sampler;
    private final int[] enders;
    private int last = DecodeRow.PICKED;

    /** Copies the arrays that it needs; keeps the space. */
    HostPicker(SamplingParams params, int[] promptTokens, int[] enders, SamplingSpace space) {
        int[] seen = params.repetitionPenalty() == 1 ? NOTHING : promptTokens.clone();
        this.sampler = new Sampler(params, seen, space);
        this.enders = enders.clone();
    }

    /** The next token; the logits are changed. */
    SampledToken pick(float[] logits, boolean mayEnd) {
        SampledToken token = mayEnd ? sampler.sample(logits) : sampler.sample(logits, enders);
        last = token.id();
        return token;
    }

    /** The token that was picked or accepted last; {@link DecodeRow#PICKED} if none was. */
    int last() {
        return last;
    }

    @Override
    public void accept(int token) {
        sampler.accept(token);
        last = token;
    }

    @Override
    public void close() {}
}
