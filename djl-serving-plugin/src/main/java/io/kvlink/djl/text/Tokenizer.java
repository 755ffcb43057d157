// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.text;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import io.kvlink.djl.model.config.ModelLoadException;
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

    // Before a token, so that it isn't a text's first one.
    private static final String BEFORE = "a";

    private final HuggingFaceTokenizer tokenizer;
    private final TokenVocabulary vocabulary;
    private final TextBound textBound;
    private final int[] before;
    private final String beforeText;

    private Tokenizer(HuggingFaceTokenizer tokenizer, TokenizerFile file) {
        this.tokenizer = tokenizer;
        this.vocabulary = new TokenVocabulary(file);
        this.textBound = TextBound.of(file);
        this.before = encode(BEFORE, false);
        this.beforeText = decodeAll(before);
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
            TokenizerFile read = TokenizerFile.read(modelDirectory);
            return new Tokenizer(HuggingFaceTokenizer.newInstance(file, OPTIONS), read);
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

    /** Greatest length of a text before it is tokenised. */
    public TextBound textBound() {
        return textBound;
    }

    /** Text of the tokens without special tokens; what is no UTF-8 becomes U+FFFD. */
    public String decode(int... tokens) {
        return tokenizer.decode(Arrays.stream(tokens).asLongStream().toArray(), true);
    }

    /** Text of the tokens, special tokens included. */
    public String decodeAll(int... tokens) {
        return tokenizer.decode(Arrays.stream(tokens).asLongStream().toArray(), false);
    }

    /**
     * A decoder for one answer's stream of tokens.
     *
     * @param prompt what it answers; not changed by anyone
     * @param joinsPrompt true: the answer's text begins with {@link #uncertain} as it became
     */
    public TokenDecoder newDecoder(int[] prompt, boolean joinsPrompt) {
        return new TokenDecoder(this, vocabulary, prompt, joinsPrompt);
    }

    /** The end of a prompt's text that depends on what comes after it; empty for most. */
    public String uncertain(int... prompt) {
        return newDecoder(prompt, false).uncertain();
    }

    /** A token by itself: what it adds to a text before it, special tokens included. */
    public TokenText tokenText(int token) {
        String text = ownText(token);
        byte[] bytes = vocabulary.ownBytes(token);
        return bytes == null ? TokenText.of(text) : new TokenText(text, bytes);
    }

    private String ownText(int token) {
        int[] two = Arrays.copyOf(before, before.length + 1);
        two[before.length] = token;
        String text = decodeAll(two);
        return text.startsWith(beforeText) ? text.substring(beforeText.length()) : decodeAll(token);
    }

    /** Frees the native tokenizer; closing again does nothing. */
    @Override
    public void close() {
        tokenizer.close();
    }
}
