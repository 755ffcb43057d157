// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http.answer;

import io.kvlink.djl.generation.TextGenerator;
import io.kvlink.djl.sampling.SampledToken;
import io.kvlink.djl.text.TokenText;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A token on its way to the client.
 *
 * @param text what it adds to the answer
 * @param logprobs what was asked for of them; null if nothing was
 */
public record TokenPiece(String text, @Nullable Logprobs logprobs) {

    /** A token by itself, and its log-probability. */
    record Likely(TokenText token, float logprob) {}

    /**
     * A token and what might have been in its place.
     *
     * @param offset where in the answer's text the picked token's begins, in code points
     * @param token the one that was picked
     * @param top the most likely ones, the likeliest first; may hold the picked one
     */
    record Logprobs(int offset, Likely token, List<Likely> top) {}

    /** Makes a token's piece. Runs on a thread that may use the tokenizer. */
    public static TokenPiece of(
            SampledToken token, String text, int offset, TextGenerator generator) {
        if (!token.hasLogprob()) {
            return new TokenPiece(text, null);
        }
        return new TokenPiece(
                text,
                new Logprobs(
                        offset,
                        likely(token.id(), token.logprob(), generator),
                        token.top().stream()
                                .map(other -> likely(other.id(), other.logprob(), generator))
                                .toList()));
    }

    private static Likely likely(int id, float logprob, TextGenerator generator) {
        return new Likely(generator.tokenText(id), logprob);
    }
}
