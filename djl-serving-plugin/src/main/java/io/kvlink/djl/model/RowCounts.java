// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/**
 * In how many rows a batch of decodes is computed: a math library chooses the order of its sums by
 * the number of rows, so a batch is filled up to a count of one class, in which each row has the
 * same bits. Immutable.
 *
 * <p>Invariant: {@link #allowed} rises, and is not empty.
 */
final class RowCounts {
    private final int[] allowed;

    private RowCounts(int[] allowed) {
        this.allowed = allowed;
    }

    /** Every count up to {@code max}: nothing is filled up. */
    static RowCounts all(int max) {
        return new RowCounts(IntStream.rangeClosed(1, max).toArray());
    }

    /**
     * Of some counts up to {@code max} those of one class: the class with the most counts, and of
     * equally large ones that of the larger count. Just 1 if no two counts are of one class.
     *
     * @param bits of a row that is computed among so many; empty if they depend on the row's place
     */
    static RowCounts probe(int max, IntFunction<Optional<List<Integer>>> bits) {
        Map<List<Integer>, List<Integer>> classes = new LinkedHashMap<>();
        for (int count : candidates(max)) {
            bits.apply(count)
                    .ifPresent(
                            found ->
                                    classes.computeIfAbsent(found, key -> new ArrayList<>())
                                            .add(count));
        }
        List<Integer> chosen = List.of(1);
        for (List<Integer> counts : classes.values()) {
            if (counts.size() > 1 && counts.size() >= chosen.size()) {
                chosen = counts;
            }
        }
        return new RowCounts(chosen.stream().mapToInt(Integer::intValue).toArray());
    }

    /** 1, 2, 3, then multiples of 4, 8 and 16, and {@code max}. */
    private static int[] candidates(int max) {
        IntStream steps =
                IntStream.rangeClosed(1, max)
                        .filter(
                                count ->
                                        count < 4
                                                || count % 16 == 0
                                                || (count <= 64 && count % 8 == 0)
                                                || (count <= 32 && count % 4 == 0));
        return IntStream.concat(steps, IntStream.of(max)).sorted().distinct().toArray();
    }

    /** Most sequences of one batch. */
    int max() {
        return allowed[allowed.length - 1];
    }

    /** Rows in which {@code count} sequences, {@link #max} at most, are computed. */
    int rowsFor(int count) {
        for (int rows : allowed) {
            if (rows >= count) {
                return rows;
            }
        }
        throw new IllegalArgumentException("count=%d allowed=1..%d".formatted(count, max()));
    }

    @Override
    public String toString() {
        return Arrays.toString(allowed);
    }
}
