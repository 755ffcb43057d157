// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.builtin;

import io.kvlink.djl.jinja.value.Text;
import java.util.ArrayList;
import java.util.List;

/** Pieces of a text between which {@code textwrap} may break a line. For one text. */
final class WordChunks {

    private static final String WORD_PUNCTUATION = "!\"'&.,?";

    private final String text;
    private final List<String> chunks = new ArrayList<>();
    private int start;

    private WordChunks(String text) {
        this.text = text;
    }

    static List<String> of(String text, boolean atHyphens) {
        WordChunks chunks = new WordChunks(text);
        chunks.split(atHyphens);
        return chunks.chunks;
    }

    private void split(boolean atHyphens) {
        int at = 0;
        while (at < text.length()) {
            boolean space = WordWrap.isSpace(text.charAt(at));
            int end = at;
            while (end < text.length() && WordWrap.isSpace(text.charAt(end)) == space) {
                end++;
            }
            start = at;
            if (!space && atHyphens) {
                word(at, end);
            }
            add(end);
            at = end;
        }
    }

    private void add(int end) {
        if (end > start) {
            chunks.add(text.substring(start, end));
            start = end;
        }
    }

    /** Cuts behind hyphens between letters, and around dashes. */
    private void word(int from, int to) {
        int at = from;
        while (at < to) {
            int dashes = at;
            while (dashes < to && text.charAt(dashes) == '-') {
                dashes++;
            }
            boolean dash =
                    dashes - at >= 2
                            && at > from
                            && isWordPart(text.codePointBefore(at))
                            && dashes < to
                            && Text.isWord(text.codePointAt(dashes));
            if (dash) {
                add(at);
                add(dashes);
            } else if (dashes - at == 1 && isHyphen(from, at, to)) {
                add(at + 1);
            }
            at = Math.max(dashes, at + 1);
        }
    }

    private static boolean isWordPart(int c) {
        return Text.isWord(c) || WORD_PUNCTUATION.indexOf(c) >= 0;
    }

    private static boolean isLetter(int c) {
        return Text.isWord(c) && !Character.isDigit(c);
    }

    /**
     * True if two letters are before the place, or a letter, a hyphen and one more, and two behind.
     */
    private boolean isHyphen(int from, int at, int to) {
        boolean before =
                at - from >= 2 && isLetter(text.charAt(at - 1)) && isLetter(text.charAt(at - 2));
        boolean joined =
                at - from >= 2 && isLetter(text.charAt(at - 1)) && text.charAt(at - 2) == '-';
        boolean after =
                at + 2 < to
                        && isLetter(text.charAt(at + 1))
                        && (isLetter(text.charAt(at + 2)) || text.charAt(at + 2) == '-');
        return (before || joined) && after;
    }
}
