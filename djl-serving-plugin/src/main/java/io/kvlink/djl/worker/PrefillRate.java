// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

/**
 * Speed of prefill, measured: an exponential mean over the calls so far. Scheduler's thread.
 *
 * <p>Calls of few tokens don't count, as most of their time is the same for any number of them.
 */
final class PrefillRate {

    /** Fewer tokens are never asked for, nor measured. */
    static final int LEAST_TOKENS = 64;

    private static final double NEW_SHARE = 0.25;

    // 0 before the first call.
    private double tokensPerNs;

    /** A call computed so many tokens of prompts in so long. */
    void onComputed(int tokens, long nanos) {
        if (tokens < LEAST_TOKENS || nanos <= 0) {
            return;
        }
        double now = (double) tokens / nanos;
        tokensPerNs = tokensPerNs == 0 ? now : tokensPerNs + NEW_SHARE * (now - tokensPerNs);
    }

    /** Tokens that take so long, {@value #LEAST_TOKENS} at least; any number while it's unknown. */
    int tokensIn(long nanos) {
        if (tokensPerNs == 0) {
            return Integer.MAX_VALUE;
        }
        return (int) Math.max(LEAST_TOKENS, Math.min(Integer.MAX_VALUE, tokensPerNs * nanos));
    }
}
