// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.sampling;

/**
 * Random numbers from a seed by the SplitMix64 sequence (Steele, Lea, Flood 2014). The sequence is
 * written out here because a request's tokens may not depend on the JDK's choice. One thread.
 */
public final class SplitMix {
    private static final double UNIT = 0x1p-53;

    private long state;

    public SplitMix(long seed) {
        this.state = seed;
    }

    /** The next number of 0 (included) to 1 (excluded). */
    public double next() {
        state += 0x9e3779b97f4a7c15L;
        long mixed = (state ^ (state >>> 30)) * 0xbf58476d1ce4e5b9L;
        mixed = (mixed ^ (mixed >>> 27)) * 0x94d049bb133111ebL;
        mixed ^= mixed >>> 31;
        return (mixed >>> 11) * UNIT;
    }
}
