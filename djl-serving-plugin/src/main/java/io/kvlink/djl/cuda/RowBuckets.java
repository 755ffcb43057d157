// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Counts of rows in which decode steps are computed: a step is filled up to the next one. In exact
 * mode there is one, so that a row's sums never depend on how many others there are. Immutable.
 *
 * @param counts rising, the last one the largest batch
 */
record RowBuckets(List<Integer> counts) {

    static RowBuckets exact(int maxBatch) {
        return new RowBuckets(List.of(maxBatch));
    }

    /** 1, 2, 4, 8, then multiples of 8 up to 64, of 32 up to 256, of 128 beyond. */
    static RowBuckets fast(int maxBatch) {
        IntStream usual = IntStream.rangeClosed(1, maxBatch).filter(RowBuckets::usual);
        return new RowBuckets(
                IntStream.concat(usual, IntStream.of(maxBatch)).distinct().boxed().toList());
    }

    private static boolean usual(int count) {
        if (count < 8) {
            return Integer.bitCount(count) == 1;
        }
        return count % (count <= 64 ? 8 : count <= 256 ? 32 : 128) == 0;
    }

    /** The count in which so many rows are computed. */
    int countFor(int rows) {
        for (int count : counts) {
            if (count >= rows) {
                return count;
            }
        }
        throw new IllegalArgumentException("rows=%d allowed=%s".formatted(rows, counts));
    }

    @Override
    public String toString() {
        return Arrays.toString(counts.toArray());
    }
}
