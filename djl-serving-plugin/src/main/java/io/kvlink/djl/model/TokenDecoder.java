// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

import java.util.Arrays;

/**
 * Turns one request's tokens into text while they arrive. No half of a UTF-8 character comes out;
 * all that {@link #append} and {@link #finish} returned, joined, is {@link Tokenizer#decode} of all
 * tokens. One thread.
 *
 * <p>Tokens are decoded in a window that starts at the last place where the text ended with a whole
 * character, since only there is the text after it independent of the bytes before it. The window
 * keeps the tokens of the piece before as its context: some tokenizers strip the first piece's
 * leading space.
 */
public final class TokenDecoder {
    private static final char REPLACEMENT = '\uFFFD';
    private static final int FIRST_WINDOW = 16;

    private final Tokenizer tokenizer;
    private int[] window = new int[FIRST_WINDOW];
    private int windowSize;
    private int contextSize;
    private int contextLength;
    // Characters of the window's text that were returned, the context's included.
    private int emitted;

    TokenDecoder(Tokenizer tokenizer) {
        this.tokenizer = tokenizer;
    }

    /** Adds a token; the text that is now certain, often empty. */
    public String append(int token) {
        if (windowSize == window.length) {
            window = Arrays.copyOf(window, 2 * windowSize);
        }
        window[windowSize++] = token;
        String text = windowText();
        boolean whole = !text.isEmpty() && text.charAt(text.length() - 1) != REPLACEMENT;
        // The last U+FFFD may be the beginning of a character; those before it stay what they are.
        String piece = take(text, whole ? text.length() : text.length() - 1);
        if (whole && text.length() > contextLength) {
            startWindow();
        }
        return piece;
    }

    /** The text still held back; call once, after the last token. */
    public String finish() {
        String text = windowText();
        return take(text, text.length());
    }

    private String take(String text, int end) {
        if (end <= emitted) {
            return "";
        }
        String piece = text.substring(emitted, end);
        emitted = end;
        return piece;
    }

    private void startWindow() {
        windowSize -= contextSize;
        System.arraycopy(window, contextSize, window, 0, windowSize);
        contextSize = windowSize;
        contextLength = windowText().length();
        emitted = contextLength;
    }

    private String windowText() {
        return windowSize == 0 ? "" : tokenizer.decode(Arrays.copyOf(window, windowSize));
    }
}
