// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

/**
 * Picks one request's tokens. The same parameters and the same logits give the same tokens, on any
 * machine and JDK; of equally likely tokens the lowest id is the more likely. One thread.
 */
public final class Sampler {
    private final SamplingParams params;

    public Sampler(SamplingParams params) {
        this.params = params;
    }

    /** The next token; borrows {@code logits}, one a token of the vocabulary. */
    public int next(float[] logits) {
        throw new UnsupportedOperationException("being written " + params + logits.length);
    }
}
