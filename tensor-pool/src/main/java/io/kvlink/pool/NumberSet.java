// SPDX-License-Identifier: Apache-2.0
package io.kvlink.pool;

/**
 * A set of small numbers that finds its lowest member from a bound on. Bit {@code n} of a level
 * says whether word {@code n} of the level below has a bit set. So an operation touches at most one
 * word a level on the way up, and one on the way down. Four levels hold 16 million numbers. Not
 * thread-safe.
 */
final class NumberSet {

    private static final int WORD_SHIFT = 6;

    private final long[][] levels;

    /**
     * Makes an empty set.
     *
     * @param limit members are below this, at least 1
     */
    NumberSet(int limit) {
        int depth = 1;
        for (int words = words(limit); words > 1; words = words(words)) {
            depth++;
        }
        levels = new long[depth][];
        int size = limit;
        for (int level = 0; level < depth; level++) {
            size = words(size);
            levels[level] = new long[size];
        }
    }

    private static int words(int bits) {
        return ((bits - 1) >> WORD_SHIFT) + 1;
    }

    boolean contains(int number) {
        return (levels[0][number >> WORD_SHIFT] & 1L << number) != 0;
    }

    void add(int number) {
        int bit = number;
        for (long[] level : levels) {
            int word = bit >> WORD_SHIFT;
            long before = level[word];
            level[word] = before | 1L << bit;
            if (before != 0) {
                return;
            }
            bit = word;
        }
    }

    void remove(int number) {
        int bit = number;
        for (long[] level : levels) {
            int word = bit >> WORD_SHIFT;
            long after = level[word] & ~(1L << bit);
            level[word] = after;
            if (after != 0) {
                return;
            }
            bit = word;
        }
    }

    /**
     * The lowest member from a bound on.
     *
     * @param from the bound, included
     * @return the member, or -1 if there is none
     */
    int lowest(int from) {
        int bit = from;
        for (int level = 0; level < levels.length; level++) {
            int word = bit >> WORD_SHIFT;
            if (word >= levels[level].length) {
                return -1;
            }
            long members = levels[level][word] & -1L << bit;
            if (members != 0) {
                return descend(level, (word << WORD_SHIFT) + Long.numberOfTrailingZeros(members));
            }
            bit = word + 1;
        }
        return -1;
    }

    private int descend(int fromLevel, int fromBit) {
        int bit = fromBit;
        for (int level = fromLevel - 1; level >= 0; level--) {
            bit = (bit << WORD_SHIFT) + Long.numberOfTrailingZeros(levels[level][bit]);
        }
        return bit;
    }
}
