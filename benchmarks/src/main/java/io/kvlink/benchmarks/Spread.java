// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks;

import java.util.Arrays;
import java.util.List;

/**
 * Quantiles of some values.
 *
 * @param count how many
 * @param min the least
 * @param p50 the median
 * @param p99 the 99th percentile; of few values the largest, or the one before
 * @param max the largest
 */
record Spread(int count, double min, double p50, double p99, double max) {

    static Spread of(double[] values) {
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

    static Spread of(List<Double> values) {
        return of(values.stream().mapToDouble(Double::doubleValue).toArray());
    }
}
