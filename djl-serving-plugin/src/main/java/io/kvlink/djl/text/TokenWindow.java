// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.text;

import java.util.Arrays;

/**
 * The last tokens of a text, from which its end is decoded. It shows a certain character before the
 * text that is to come, since decoders treat a text's first tokens otherwise. It begins no later
 * than with the first token whose text isn't certain. One thread.
 */
final class TokenWindow {
    // Tokens after which it is cut: each is decoded so many times.
    private static final int LONG = 8;

    private final Tokenizer tokenizer;
    private final TokenVocabulary vocabulary;
    private final TokenJoining joining;
    private final Utf8Reader reader = new Utf8Reader();
    private final StringBuilder read = new StringBuilder();
    private int[] tokens = new int[2 * LONG];
    private int size;
    // Tokens at its end that are single bytes, where those are read together.
    private int run;

    TokenWindow(Tokenizer tokenizer, TokenVocabulary vocabulary) {
        this.tokenizer = tokenizer;
        this.vocabulary = vocabulary;
        this.joining = vocabulary.joining();
    }

    /** Adds a token that is shown. */
    void add(int token) {
        if (size == tokens.length) {
            tokens = Arrays.copyOf(tokens, 2 * size);
        }
        tokens[size++] = token;
        byte[] bytes = vocabulary.ownBytes(token);
        if (joining == TokenJoining.BYTE_RUNS && bytes == null) {
            run = 0;
            reader.reset();
            read.setLength(0);
        } else if (bytes != null) {
            run += joining == TokenJoining.BYTE_RUNS ? 1 : 0;
            for (byte each : bytes) {
                reader.read(each, read);
            }
        }
    }

    /** True if the latest token has made nothing certain. */
    boolean open() {
        return joining == TokenJoining.ALL || run > 0;
    }

    /** The characters that single bytes at its end have made since the last call of this. */
    String takeRead() {
        String characters = read.toString();
        read.setLength(0);
        return characters;
    }

    int size() {
        return size;
    }

    /** True if all of it is open, so that nothing in it may be taken for certain. */
    boolean allOpen() {
        return joining == TokenJoining.ALL || run == size;
    }

    String text() {
        return text(0, size);
    }

    /** Characters of its text that no later token changes. */
    int certain(String text) {
        return switch (joining) {
            case CHARACTERS -> text.length();
            // The last U+FFFD may become a character; those before it stay what they are.
            case BYTES -> text.length() - (reader.pendingBytes() > 0 ? 1 : 0);
            case BYTE_RUNS -> run == 0 ? text.length() : text(0, size - run).length();
            case ALL -> 0;
        };
    }

    /**
     * Drops first tokens that aren't needed, if there are many. Neither the end of the text behind
     * {@code done} changes by that, nor what comes after it.
     *
     * @param text its text
     * @param done characters of it that were dealt with
     * @return how many those are now
     */
    int cut(String text, int done) {
        if (size < LONG) {
            return done;
        }
        int left = text.length() - done;
        for (int kept = Math.max(1, unfinished()); kept < size; kept *= 2) {
            int length = text(size - kept, size).length();
            if (length > left) {
                System.arraycopy(tokens, size - kept, tokens, 0, kept);
                size = kept;
                return length - left;
            }
        }
        return done;
    }

    /** Tokens at the end that hold the beginning of a character. */
    private int unfinished() {
        int count = 0;
        for (int bytes = reader.pendingBytes(); bytes > 0 && count < size; count++) {
            byte[] own = vocabulary.ownBytes(tokens[size - 1 - count]);
            bytes -= own == null ? 0 : own.length;
        }
        return count;
    }

    private String text(int from, int to) {
        return from == to ? "" : tokenizer.decode(Arrays.copyOfRange(tokens, from, to));
    }
}
