// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.measure;

import java.util.Arrays;
import java.util.Collection;
import java.util.function.ToDoubleFunction;

/**
 * Quantiles of some values.
 *
 * @param count how many
 * @param min the least
 * @param p50 the median
 * @param p99 the 99th percentile; of few values the largest, or the one before
 * @param max the largest
 */
public record Spread(int count, double min, double p50, double p99, double max) {

    /** The spread of values, of which there must be one. */
    public static Spread of(double[] values) {
        if (values.length == 0) {
            throw new IllegalArgumentException("no values");
        }
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return new Spread(
                sorted.length,
                sorted[0],
                sorted[(sorted.length - 1) / 2],
                sorted[(int) Math.ceil((sorted.length - 1) * 0.99)],
                sorted[sorted.length - 1]);
    }

    /** The spread of one value of each thing. */
    public static <T> Spread of(Collection<T> things, ToDoubleFunction<T> value) {
        return of(things.stream().mapToDouble(value).toArray());
    }

    /** The spread of boxed values. */
    public static Spread of(Collection<Double> values) {
        return of(values, Double::doubleValue);
    }

    /** The median and, in brackets, the least and the greatest. */
    public String text(String format) {
        return Table.number(format + " (" + format + "–" + format + ")", p50, min, max);
    }
}
