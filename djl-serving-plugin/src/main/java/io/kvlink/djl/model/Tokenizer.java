// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

import java.nio.file.Path;

/**
 * Text to tokens and back, as a model's {@code tokenizer.json} says. May be used from any thread
 * until it is closed.
 */
public final class Tokenizer implements AutoCloseable {
    /** Reads {@code tokenizer.json} of a model directory; nothing is fetched from a network. */
    public static Tokenizer load(Path modelDirectory) {
        throw new UnsupportedOperationException("being written " + modelDirectory);
    }

    /** Tokens of the text, with the special tokens that the file's post-processor adds. */
    public int[] encode(String text) {
        throw new UnsupportedOperationException("being written " + text);
    }

    /** Tokens of the text; {@code special} says whether the post-processor adds its own. */
    public int[] encode(String text, boolean special) {
        throw new UnsupportedOperationException("being written " + text);
    }

    /** Text of the tokens without special tokens; what is no UTF-8 becomes U+FFFD. */
    public String decode(int[] tokens) {
        throw new UnsupportedOperationException("being written " + tokens.length);
    }

    /** A decoder for one request's stream of tokens. */
    public TokenDecoder newDecoder() {
        return new TokenDecoder(this);
    }

    @Override
    public void close() {}
}
