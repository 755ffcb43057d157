// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

/** Hears of one prompt's answer, on the worker's thread. No method may block or throw. */
public interface GenerationListener {

    /**
     * A token was decoded.
     *
     * @param tokenId the token
     * @param text what it adds to the answer's text; may be empty (half a character, or the
     *     beginning of what may become a stop string)
     */
    void onToken(int tokenId, String text);

    /**
     * The answer is complete.
     *
     * @param result how it ended
     */
    void onFinished(GenerationResult result);

    /**
     * There will be no answer, or no more of it.
     *
     * @param failure why
     */
    void onFailed(GenerationException failure);
}
