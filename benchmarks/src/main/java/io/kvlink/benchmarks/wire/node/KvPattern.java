// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.wire.node;

/**
 * Random words by seed and place, so that contents can be checked where they arrive without the
 * original. The kernels of {@code bytes.cu} compute the same ones.
 */
final class KvPattern {

    /** The seed of memory that nothing has been written to. */
    static final long POISON = 0;

    private static final long POISON_WORD = 0xE5E5E5E5E5E5E5E5L;

    private KvPattern() {}

    /**
     * Eight bytes of the pattern.
     *
     * @param seed which pattern
     * @param index which word, from 0
     */
    static long word(long seed, long index) {
        if (seed == POISON) {
            return POISON_WORD;
        }
        long z = seed + (index + 1) * 0x9E3779B97F4A7C15L;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }
}
