// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.text;

import org.jspecify.annotations.Nullable;

/**
 * Turns the tokens of one answer into text while they arrive. The texts of {@link #append} and then
 * of {@link #rest}, joined, make up {@link Tokenizer#decode} of prompt and answer together, less
 * the beginning in common with the prompt's text. No text is returned that a later token may
 * change. A token costs as much as the tokens decoded together, whatever came before. One thread.
 */
public final class TokenDecoder {
    // Tokens of a prompt that mostly are enough to go on from.
    private static final int FIRST_TOKENS = 8;

    private final Tokenizer tokenizer;
    private final TokenVocabulary vocabulary;
    private final int[] prompt;
    private final boolean joinsPrompt;
    // Characters of the row of single bytes at the window's end, the prompt's included.
    private final StringBuilder ahead = new StringBuilder();
    // Made with the first token, on the thread that may use the tokenizer.
    private @Nullable TokenWindow window;
    // Characters of the window's text that are certain, and were returned or are the prompt's.
    private int done;
    // The prompt's text that wasn't certain: the answer begins behind what it has in common with
    // it.
    private String uncertain = "";

    /**
     * A decoder of the answer to a prompt.
     *
     * @param joinsPrompt true: the text begins with the end of the prompt's text that wasn't
     *     certain
     */
    TokenDecoder(
            Tokenizer tokenizer, TokenVocabulary vocabulary, int[] prompt, boolean joinsPrompt) {
        this.tokenizer = tokenizer;
        this.vocabulary = vocabulary;
        this.prompt = prompt;
        this.joinsPrompt = joinsPrompt;
    }

    /** Adds a token; the text that is now certain, often empty. */
    public String append(int token) {
        if (!vocabulary.shows(token)) {
            return "";
        }
        TokenWindow now = window();
        add(token, now);
        if (now.open()) {
            return "";
        }
        String text = now.text();
        String piece = text.substring(done, Math.max(done, now.certain(text)));
        done = now.cut(text, done + piece.length());
        return behindCommon(piece);
    }

    private void add(int token, TokenWindow to) {
        to.add(token);
        String read = to.takeRead();
        if (to.open()) {
            ahead.append(read);
        } else {
            ahead.setLength(0);
        }
    }

    /** The text that would still come if no token did. Changes nothing. */
    public String rest() {
        String text = window().text();
        String left = text.substring(done);
        return left.substring(common(left, uncertain));
    }

    /**
     * Whole characters that are known but not certain, those of tokens that are single bytes: one
     * more such token may turn them all to U+FFFD.
     */
    public CharSequence ahead() {
        return ahead.subSequence(common(ahead, uncertain), ahead.length());
    }

    /** The end of the prompt's text that an answer may change; empty for most. */
    String uncertain() {
        window();
        return uncertain;
    }

    /** Tokens that are decoded together. */
    int windowTokens() {
        return window().size();
    }

    /** Drops what the prompt's text has, too. */
    private String behindCommon(String piece) {
        int common = common(piece, uncertain);
        uncertain = common == piece.length() ? uncertain.substring(common) : "";
        return piece.substring(common);
    }

    private TokenWindow window() {
        if (window == null) {
            window = firstWindow();
        }
        return window;
    }

    /** The shortest of some windows at the prompt's end that is enough. */
    private TokenWindow firstWindow() {
        int from = prompt.length;
        for (int wanted = FIRST_TOKENS; ; wanted *= 2) {
            TokenWindow end = new TokenWindow(tokenizer, vocabulary);
            from = start(wanted);
            ahead.setLength(0);
            for (int at = from; at < prompt.length; at++) {
                if (vocabulary.shows(prompt[at])) {
                    add(prompt[at], end);
                }
            }
            if (from > 0 && end.allOpen()) {
                continue;
            }
            String text = end.text();
            done = end.certain(text);
            if (from == 0 || done > 0) {
                uncertain = joinsPrompt ? "" : text.substring(done);
                return end;
            }
        }
    }

    /** Index of the first of the prompt's last tokens, of which so many are shown. */
    private int start(int wanted) {
        int from = prompt.length;
        for (int shown = 0; from > 0 && shown < wanted; from--) {
            shown += vocabulary.shows(prompt[from - 1]) ? 1 : 0;
        }
        return from;
    }

    /** Length of the longest common prefix, in whole characters. */
    private static int common(CharSequence one, CharSequence other) {
        int end = Math.min(one.length(), other.length());
        int common = 0;
        while (common < end && one.charAt(common) == other.charAt(common)) {
            common++;
        }
        boolean half = common > 0 && Character.isHighSurrogate(one.charAt(common - 1));
        return half ? common - 1 : common;
    }
}
