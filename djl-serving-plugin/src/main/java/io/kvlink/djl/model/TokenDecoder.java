// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

/**
 * Turns one request's tokens into text while they arrive. No half of a UTF-8 character comes out;
 * all that {@link #append} and {@link #finish} returned, joined, is {@link Tokenizer#decode} of all
 * tokens. One thread.
 */
public final class TokenDecoder {
    private final Tokenizer tokenizer;

    TokenDecoder(Tokenizer tokenizer) {
        this.tokenizer = tokenizer;
    }

    /** Adds a token; the text that is now certain, often empty. */
    public String append(int token) {
        throw new UnsupportedOperationException("being written " + token + tokenizer);
    }

    /** The text still held back; call once, after the last token. */
    public String finish() {
        throw new UnsupportedOperationException("being written");
    }
}
