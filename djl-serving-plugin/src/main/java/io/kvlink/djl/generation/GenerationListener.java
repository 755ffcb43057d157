// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.generation;

import io.kvlink.djl.sampling.SampledToken;

/** Hears of one prompt's answer, on the worker's thread. No method may block or throw. */
public interface GenerationListener {

    /**
     * A token was decoded.
     *
     * @param tokenId the token
     * @param text what is certain of the answer's text now and wasn't before; may be empty (half a
     *     character, or the beginning of what may become a stop string)
     */
    void onToken(int tokenId, String text);

    /**
     * A token was decoded, for who wants its log-probabilities; without them it is {@link
     * #onToken}.
     *
     * @param token the token
     * @param text as there
     * @param offset where in the answer's text the token's own begins, in code points
     */
    default void onSampled(SampledToken token, String text, int offset) {
        onToken(token.id(), text);
    }

    /**
     * The answer is complete.
     *
     * @param result how it ended
     */
    void onFinished(GenerationResult result);

    /**
     * Tells that there will be no answer, or no more of it.
     *
     * @param failure why
     */
    void onFailed(GenerationException failure);
}
