// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.text;

import java.util.OptionalLong;

/**
 * Bound of a prompt's length in bytes, known before anything is tokenised. It protects the native
 * tokenizer, which takes long for a text of megabytes and ends the process when the heap is full.
 *
 * @param bytesOfToken most bytes of text that one token can stand for; empty if {@code
 *     tokenizer.json} doesn't say for certain, as when its normalizer drops characters
 */
public record TextBound(OptionalLong bytesOfToken) {

    /** Most bytes of any text, whatever its tokens may be: some seconds of tokenising. */
    static final int MOST_BYTES = 4 << 20;

    /**
     * Bytes of heap for each byte of text. Where every byte is a token, DJL's tokenizer takes 200
     * of them. It ends the process when there are none left. Several texts are tokenised at once.
     */
    static final int HEAP_BYTES = 1024;

    /** Bytes that each token may have, if nothing is certain; no language comes near. */
    static final int GENEROUS_BYTES_OF_TOKEN = 64;

    /** Bytes that even the shortest context allows, if nothing is certain. */
    static final int GENEROUS_BYTES = 64 << 10;

    /** The bound of a tokenizer's texts. */
    static TextBound of(TokenizerFile file) {
        TextSteps steps = new TextSteps(file.normalizer(), file.preTokenizer());
        VocabularyBytes vocabulary = new VocabularyBytes(file);
        return steps.keepsText() && vocabulary.coversText(steps.byteLevel())
                ? new TextBound(
                        OptionalLong.of(vocabulary.longest(steps.byteLevel()) * steps.shrinking()))
                : new TextBound(OptionalLong.empty());
    }

    /** Most bytes of a text that may have so few tokens; a longer one needn't be tokenised. */
    public int maxBytes(int tokens) {
        return maxBytes(tokens, Runtime.getRuntime().maxMemory());
    }

    int maxBytes(int tokens, long heapBytes) {
        long bytes =
                bytesOfToken.isPresent()
                        ? product(tokens, bytesOfToken.getAsLong())
                        : Math.max(GENEROUS_BYTES, product(tokens, GENEROUS_BYTES_OF_TOKEN));
        return (int) Math.min(bytes, Math.min(MOST_BYTES, heapBytes / HEAP_BYTES));
    }

    /** Bytes of a text in UTF-8. */
    public static long bytes(CharSequence text) {
        long bytes = text.length();
        for (int i = 0; i < text.length(); i++) {
            char unit = text.charAt(i);
            // Half a pair counts as one: the pair has four bytes, and a lone half at least one.
            if (Character.isSurrogate(unit)) {
                bytes += Character.isHighSurrogate(unit) && hasLow(text, i + 1) ? 2 : 0;
            } else {
                bytes += unit < 0x80 ? 0 : unit < 0x800 ? 1 : 2;
            }
        }
        return bytes;
    }

    @Override
    public String toString() {
        return bytesOfToken.isPresent()
                ? "bytesOfToken=" + bytesOfToken.getAsLong()
                : "bytesOfToken=unknown: tokenizer.json has steps that drop or join characters";
    }

    private static boolean hasLow(CharSequence text, int index) {
        return index < text.length() && Character.isLowSurrogate(text.charAt(index));
    }

    private static long product(int tokens, long bytes) {
        return bytes > MOST_BYTES ? MOST_BYTES : tokens * bytes;
    }
}
