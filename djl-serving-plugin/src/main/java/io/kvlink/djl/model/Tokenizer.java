// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;

/**
 * Text to tokens and back, as a model's {@code tokenizer.json} says. May be used from any thread
 * until it is closed.
 */
public final class Tokenizer implements AutoCloseable {
    private static final String FILE = "tokenizer.json";

    // Whatever the file says about them: a prompt is neither cut nor filled up.
    private static final Map<String, String> OPTIONS =
            Map.of("truncation", "DO_NOT_TRUNCATE", "padding", "DO_NOT_PAD");

    private final HuggingFaceTokenizer tokenizer;

    private Tokenizer(HuggingFaceTokenizer tokenizer) {
        this.tokenizer = tokenizer;
    }

    /**
     * Reads {@code tokenizer.json} of a model directory; nothing is fetched from a network.
     *
     * @throws ModelLoadException if it is missing or is no tokenizer
     */
    public static Tokenizer load(Path modelDirectory) {
        Path file = modelDirectory.resolve(FILE);
        if (!Files.isRegularFile(file)) {
            throw new ModelLoadException("file=%s missing".formatted(file));
        }
        try {
            return new Tokenizer(HuggingFaceTokenizer.newInstance(file, OPTIONS));
        } catch (IOException | RuntimeException cause) {
            throw new ModelLoadException(
                    "file=%s found=%s expected=a tokenizer".formatted(file, cause.getMessage()),
                    cause);
        }
    }

    /** Tokens of the text, with the special tokens that the file's post-processor adds. */
    public int[] encode(String text) {
        return encode(text, true);
    }

    /** Tokens of the text; {@code special} says whether the post-processor adds its own. */
    public int[] encode(String text, boolean special) {
        long[] ids = tokenizer.encode(text, special, false).getIds();
        return Arrays.stream(ids).mapToInt(Math::toIntExact).toArray();
    }

    /** Text of the tokens without special tokens; what is no UTF-8 becomes U+FFFD. */
    public String decode(int... tokens) {
        return tokenizer.decode(Arrays.stream(tokens).asLongStream().toArray(), true);
    }

    /** Text of the tokens, special tokens included. */
    public String decodeAll(int... tokens) {
        return tokenizer.decode(Arrays.stream(tokens).asLongStream().toArray(), false);
    }

    /** A decoder for one request's stream of tokens. */
    public TokenDecoder newDecoder() {
        return new TokenDecoder(this);
    }

    /** Frees the native tokenizer; closing again does nothing. */
    @Override
    public void close() {
        tokenizer.close();
    }
}
