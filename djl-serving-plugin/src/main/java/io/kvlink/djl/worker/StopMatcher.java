// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Cuts a text that arrives in pieces before the first stop string. The first is the one that is
 * complete first, and of those complete at the same character the longest. So the outcome doesn't
 * depend on how the text is cut into pieces. One thread.
 *
 * <p>Invariant: {@link #held} is the longest end of the text so far that a stop string begins with,
 * and no more than that is held back.
 */
final class StopMatcher {

    private final List<String> stops;
    private final int longest;
    private final StringBuilder held = new StringBuilder();
    private boolean stopped;

    /**
     * Empty stop strings stop nothing, nor do those with half a surrogate pair: no text has one.
     */
    StopMatcher(List<String> stops) {
        this.stops =
                stops.stream().filter(stop -> !stop.isEmpty()).filter(StopMatcher::whole).toList();
        this.longest = this.stops.stream().mapToInt(String::length).max().orElse(0);
    }

    private static boolean whole(String stop) {
        return StandardCharsets.UTF_8.newEncoder().canEncode(stop);
    }

    /** Adds a piece; the text that is now certain. After a stop nothing is. */
    String append(String piece) {
        if (stopped) {
            return "";
        }
        if (stops.isEmpty()) {
            return piece;
        }
        held.append(piece);
        int stop = firstStop();
        if (stop >= 0) {
            stopped = true;
            return take(stop);
        }
        return take(held.length() - possibleBeginning());
    }

    /**
     * True if a stop string would come with a text. Changes nothing.
     *
     * @param text what may come
     * @param cleared characters of it in which there is none, with what is held before them
     */
    boolean wouldStop(CharSequence text, int cleared) {
        int from = Math.max(0, cleared - longest);
        String unseen = text.subSequence(from, text.length()).toString();
        String searched = from == 0 ? held + unseen : unseen;
        return stops.stream().anyMatch(searched::contains);
    }

    /** The text still held back, when no more comes. */
    String finish() {
        return stopped ? "" : take(held.length());
    }

    /** True if a stop string has come. */
    boolean stopped() {
        return stopped;
    }

    private String take(int length) {
        String text = held.substring(0, length);
        held.delete(0, length);
        return text;
    }

    /** Index of the first stop string, or -1. */
    private int firstStop() {
        int first = -1;
        int firstEnd = Integer.MAX_VALUE;
        for (String stop : stops) {
            int start = held.indexOf(stop);
            int end = start + stop.length();
            if (start >= 0 && (end < firstEnd || (end == firstEnd && start < first))) {
                first = start;
                firstEnd = end;
            }
        }
        return first;
    }

    /** Length of the longest end of the held text that a stop string begins with. */
    private int possibleBeginning() {
        int longest = 0;
        for (String stop : stops) {
            for (int length = Math.min(stop.length() - 1, held.length());
                    length > longest;
                    length--) {
                if (stop.startsWith(held.substring(held.length() - length))) {
                    longest = length;
                }
            }
        }
        return longest;
    }
}
