// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.fleet;

import java.util.concurrent.atomic.AtomicLong;

/**
 * Chooses a prefill and a decode instance in turn, so that all pairs occur equally often.
 *
 * <p>Two counters that advance together would only reach {@code lcm(p, d)} of the {@code p * d}
 * pairs. So the decode counter takes one extra step after every {@code lcm(p, d)} requests. Within
 * such a block the pairs differ, and the extra step moves the next block to pairs not yet used.
 * After {@code gcd(p, d)} blocks every pair occurred once; each side's load is even all along.
 *
 * <p>Used from any thread.
 */
final class PairPicker {

    // Written by every event loop.
    private final AtomicLong turns = new AtomicLong();

    /**
     * Positions in the two lists.
     *
     * @param prefill of the prefill instance
     * @param decode of the decode instance
     */
    record Pair(int prefill, int decode) {}

    Pair next(int prefills, int decodes) {
        long turn = turns.getAndIncrement();
        long block = (long) prefills / gcd(prefills, decodes) * decodes;
        return new Pair(
                (int) Math.floorMod(turn, (long) prefills),
                (int) Math.floorMod(turn + turn / block, (long) decodes));
    }

    private static int gcd(int a, int b) {
        return b == 0 ? a : gcd(b, a % b);
    }
}
