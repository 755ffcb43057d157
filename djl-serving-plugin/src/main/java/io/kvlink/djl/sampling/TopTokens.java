// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.sampling;

import java.util.Arrays;

/**
 * Tokens in their order: by falling logit, then by rising id. A logit that is not a finite number
 * has no place in it.
 */
final class TopTokens {

    private TopTokens() {}

    /** The first in the order; -1 if no logit is a finite number. */
    static int first(float[] logits) {
        int best = -1;
        float most = Float.NEGATIVE_INFINITY;
        for (int token = 0; token < logits.length; token++) {
            float logit = logits[token];
            if (logit > most && logit != Float.POSITIVE_INFINITY) {
                most = logit;
                best = token;
            }
        }
        return best;
    }

    /** The first {@code count} in the order, or all there are. */
    static int[] first(float[] logits, int count) {
        int wanted = Math.min(count, logits.length);
        // Twice the room: cut only when it is full, which after the first is seldom.
        long[] keys = new long[2 * Math.max(1, wanted)];
        int size = 0;
        float lowest = Float.NEGATIVE_INFINITY;
        for (int token = 0; token < logits.length; token++) {
            float logit = logits[token];
            // Of equals the later ones have the higher ids.
            if (logit > lowest && logit != Float.POSITIVE_INFINITY) {
                keys[size++] = key(logit, token);
                if (size == keys.length) {
                    Arrays.sort(keys);
                    size = wanted;
                    lowest = logits[(int) keys[wanted - 1]];
                }
            }
        }
        Arrays.sort(keys, 0, size);
        return tokens(keys, Math.min(size, wanted));
    }

    /** Sorts the first {@code size} tokens of an array. */
    static void sort(int[] tokens, int from, int to, float[] logits) {
        long[] keys = new long[to - from];
        Arrays.setAll(keys, i -> key(logits[tokens[from + i]], tokens[from + i]));
        Arrays.sort(keys);
        System.arraycopy(tokens(keys, keys.length), 0, tokens, from, keys.length);
    }

    private static int[] tokens(long[] keys, int count) {
        int[] tokens = new int[count];
        Arrays.setAll(tokens, i -> (int) keys[i]);
        return tokens;
    }

    /** A number that orders as the tokens do. */
    private static long key(float logit, int token) {
        int bits = Float.floatToRawIntBits(logit + 0f); // makes -0 equal to 0
        int ascending = bits >= 0 ? bits : bits ^ Integer.MAX_VALUE;
        return (long) ~ascending << 32 | token;
    }
}
