// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.djl.text.TokenDecoder;
import java.util.List;

/**
 * The text of one answer as its tokens come: only what no later token changes, cut before the first
 * stop string. One thread.
 */
final class AnswerText {

    private final TokenDecoder decoder;
    private final StopMatcher stops;
    private final int minTokens;
    private int tokens;
    // Code points that are certain.
    private int length;
    // Of the characters that are ahead: those counted, their code points, and those in which no
    // stop string was found.
    private int counted;
    private int countedPoints;
    private int searched;

    /** Stop strings are looked for in the text from the token {@code minTokens} on. */
    AnswerText(TokenDecoder decoder, List<String> stops, int minTokens) {
        this.decoder = decoder;
        this.stops = new StopMatcher(stops);
        this.minTokens = minTokens;
    }

    /** Adds a token; the text that is now certain. */
    String append(int token) {
        String piece = decoder.append(token);
        length += piece.codePointCount(0, piece.length());
        countAhead();
        if (++tokens < minTokens) {
            return piece;
        }
        String certain = stops.append(piece);
        return stops.stopped() ? certain : certain + ending();
    }

    /** The text still held back, when no more tokens come. */
    String finish() {
        return stops.append(decoder.rest()) + stops.finish();
    }

    /**
     * Code points before the next token's text: of what is certain, whether it was passed on or
     * not, and of whole characters that are known. A character of several tokens begins where the
     * first of them does.
     */
    int offset() {
        return length + countedPoints;
    }

    private void countAhead() {
        CharSequence ahead = decoder.ahead();
        if (ahead.length() < counted) {
            counted = 0;
            countedPoints = 0;
            searched = 0;
        }
        countedPoints += Character.codePointCount(ahead, counted, ahead.length());
        counted = ahead.length();
    }

    /**
     * The uncertain text up to a stop string, if there is one; else nothing. As the answer ends
     * with it, no later token can change it.
     */
    private String ending() {
        CharSequence ahead = decoder.ahead();
        boolean likely = ahead.length() > searched && stops.wouldStop(ahead, searched);
        searched = ahead.length();
        if (likely) {
            String rest = decoder.rest();
            if (stops.wouldStop(rest, 0)) {
                return stops.append(rest);
            }
        }
        return "";
    }

    /** True if a stop string has come; then the answer ends. */
    boolean stopped() {
        return stops.stopped();
    }
}
