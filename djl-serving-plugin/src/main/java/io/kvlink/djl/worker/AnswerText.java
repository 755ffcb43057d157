// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.djl.model.TokenDecoder;
import java.util.List;

/**
 * The text of one answer as its tokens come: whole characters only, cut before the first stop
 * string. One thread.
 */
final class AnswerText {

    private final TokenDecoder decoder;
    private final StopMatcher stops;
    private final int minTokens;
    private int tokens;

    /** Stop strings are looked for in the text from the token {@code minTokens} on. */
    AnswerText(TokenDecoder decoder, List<String> stops, int minTokens) {
        this.decoder = decoder;
        this.stops = new StopMatcher(stops);
        this.minTokens = minTokens;
    }

    /** Adds a token; the text that is now certain. */
    String append(int token) {
        String piece = decoder.append(token);
        return ++tokens < minTokens ? piece : stops.append(piece);
    }

    /** The text still held back, when no more tokens come. */
    String finish() {
        return stops.append(decoder.finish()) + stops.finish();
    }

    /** Whether a stop string has come; then the answer ends. */
    boolean stopped() {
        return stops.stopped();
    }
}
