// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/**
 * Batch sizes whose rows have equal bits. A math library chooses the order of its sums by the
 * number of rows. So a batch is filled up to a size of one class, in which each row has the same
 * bits. A batch larger than the largest size is computed in parts. Immutable.
 *
 * <p>The processor decides which counts are of one class. It may be a single one: then a batch is
 * computed row by row.
 *
 * <p>Invariant: {@link #allowed} rises, is not empty, and ends with the first count that is at
 * least {@link #max}, if there is one.
 */
final class RowCounts {
    /**
     * Counts up to here choose the class, whatever the largest batch is: instances with other
     * batches are to give the same bits.
     */
    private static final int CHOOSING = 64;

    private final int max;
    private final int[] allowed;

    private RowCounts(int max, List<Integer> counts) {
        this.max = max;
        long below = counts.stream().filter(count -> count < max).count();
        this.allowed = counts.stream().limit(below + 1).mapToInt(Integer::intValue).toArray();
    }

    /** Every count up to {@code max}: nothing is filled up. */
    static RowCounts all(int max) {
        return new RowCounts(max, IntStream.rangeClosed(1, max).boxed().toList());
    }

    /**
     * Finds the row counts of one class: of those up to 64 the class with the most counts. Of
     * equally large classes that of the larger count is taken. Just 1 if no two counts are of one
     * class.
     *
     * @param max most sequences of a batch
     * @param bits of a row that is computed among so many; empty if they depend on the row's place
     */
    static RowCounts probe(int max, IntFunction<Optional<List<Integer>>> bits) {
        Map<List<Integer>, List<Integer>> classes = new LinkedHashMap<>();
        candidates(1, CHOOSING).forEach(count -> sort(count, bits, classes));
        List<Integer> chosen = List.of(1);
        for (List<Integer> counts : classes.values()) {
            if (counts.size() > 1 && counts.size() >= chosen.size()) {
                chosen = counts;
            }
        }
        candidates(CHOOSING + 1, max).forEach(count -> sort(count, bits, classes));
        return new RowCounts(max, chosen);
    }

    private static void sort(
            int count,
            IntFunction<Optional<List<Integer>>> bits,
            Map<List<Integer>, List<Integer>> classes) {
        bits.apply(count)
                .ifPresent(
                        found ->
                                classes.computeIfAbsent(found, key -> new ArrayList<>())
                                        .add(count));
    }

    /** 1, 2, 3, then multiples of 4, 8 and 16. */
    private static IntStream candidates(int first, int last) {
        return IntStream.rangeClosed(first, last)
                .filter(
                        count ->
                                count < 4
                                        || count % 16 == 0
                                        || (count <= 64 && count % 8 == 0)
                                        || (count <= 32 && count % 4 == 0));
    }

    /** Most sequences of one batch. */
    int max() {
        return max;
    }

    /** Most sequences that are computed together. */
    int largest() {
        return Math.min(max, allowed[allowed.length - 1]);
    }

    /** The batch in as few parts as there can be, of nearly the same size, in its order. */
    <T> List<List<T>> parts(List<T> batch) {
        int size = batch.size();
        int count = (size + largest() - 1) / largest();
        List<List<T>> parts = new ArrayList<>(count);
        for (int part = 0; part < count; part++) {
            parts.add(batch.subList(part * size / count, (part + 1) * size / count));
        }
        return parts;
    }

    /** Rows in which {@code count} sequences, {@link #largest} at most, are computed. */
    int rowsFor(int count) {
        for (int rows : allowed) {
            if (rows >= count) {
                return rows;
            }
        }
        throw new IllegalArgumentException("count=%d allowed=1..%d".formatted(count, largest()));
    }

    @Override
    public String toString() {
        return Arrays.toString(allowed);
    }
}
