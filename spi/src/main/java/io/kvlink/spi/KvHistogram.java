// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.DoubleAdder;
import java.util.concurrent.atomic.LongAdder;

/** Counts of values by their size, for a {@link KvMetric}. Any thread. */
public final class KvHistogram {

    private static final double[] SECONDS = {
        0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
        2.5, 5, 10, 30
    };

    private final double[] bounds;
    private final LongAdder[] counts;
    private final DoubleAdder sum = new DoubleAdder();

    /**
     * Histogram without a value.
     *
     * @param bounds the largest value of each bucket, growing
     */
    public KvHistogram(double... bounds) {
        for (int i = 1; i < bounds.length; i++) {
            if (!(bounds[i] > bounds[i - 1])) {
                throw new IllegalArgumentException("bounds=" + Arrays.toString(bounds));
            }
        }
        this.bounds = bounds.clone();
        counts = new LongAdder[bounds.length + 1];
        Arrays.setAll(counts, i -> new LongAdder());
    }

    /** Histogram of times in seconds, from 0.1 ms to 30 s. */
    public static KvHistogram ofSeconds() {
        return new KvHistogram(SECONDS);
    }

    /** Counts a value. */
    public void observe(double value) {
        int bucket = 0;
        while (bucket < bounds.length && value > bounds[bucket]) {
            bucket++;
        }
        counts[bucket].increment();
        sum.add(value);
    }

    /**
     * Sample of the counts now.
     *
     * @param name see {@link KvMetric#name}
     * @param help one sentence
     * @param labels label names and values
     */
    public KvMetric metric(String name, String help, Map<String, String> labels) {
        List<KvMetric.Bucket> buckets = new ArrayList<>();
        long total = 0;
        for (int i = 0; i < bounds.length; i++) {
            total += counts[i].sum();
            buckets.add(new KvMetric.Bucket(bounds[i], total));
        }
        total += counts[bounds.length].sum();
        return KvMetric.histogram(name, help, labels, buckets, total, sum.sum());
    }
}
