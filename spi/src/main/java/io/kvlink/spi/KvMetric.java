// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.List;
import java.util.Map;

/** Sample of one of a connector's figures, in the terms of Prometheus. */
public final class KvMetric {

    /** Kind of figure. */
    public enum Kind {
        /** Only grows. */
        COUNTER,
        /** Goes up and down. */
        GAUGE,
        /** Counts values by their size. */
        HISTOGRAM
    }

    /**
     * Part of a histogram.
     *
     * @param upperBound the largest value that counts
     * @param count how many values were not larger
     */
    public record Bucket(double upperBound, long count) {}

    private final Kind kind;
    private final String name;
    private final String help;
    private final Map<String, String> labels;
    private final double value;
    private final List<Bucket> buckets;
    private final long count;

    private KvMetric(
            Kind kind,
            String name,
            String help,
            Map<String, String> labels,
            double value,
            List<Bucket> buckets,
            long count) {
        this.kind = kind;
        this.name = name;
        this.help = help;
        this.labels = Map.copyOf(labels);
        this.value = value;
        this.buckets = List.copyOf(buckets);
        this.count = count;
    }

    /**
     * Sample of a figure that only grows.
     *
     * @param name see {@link #name}
     * @param help one sentence
     * @param labels label names and values
     * @param value the figure
     */
    public static KvMetric counter(
            String name, String help, Map<String, String> labels, double value) {
        return new KvMetric(Kind.COUNTER, name, help, labels, value, List.of(), 0);
    }

    /**
     * Sample of a figure that goes up and down.
     *
     * @param name see {@link #name}
     * @param help one sentence
     * @param labels label names and values
     * @param value the figure
     */
    public static KvMetric gauge(
            String name, String help, Map<String, String> labels, double value) {
        return new KvMetric(Kind.GAUGE, name, help, labels, value, List.of(), 0);
    }

    /**
     * Sample of values by their size. {@link KvHistogram} makes it.
     *
     * @param name see {@link #name}
     * @param help one sentence
     * @param labels label names and values
     * @param buckets by growing bound, each with the count of all smaller values too; values above
     *     the last bound are in none
     * @param count how many values there were
     * @param sum of all values
     */
    public static KvMetric histogram(
            String name,
            String help,
            Map<String, String> labels,
            List<Bucket> buckets,
            long count,
            double sum) {
        return new KvMetric(Kind.HISTOGRAM, name, help, labels, sum, buckets, count);
    }

    /** Copy of this sample with other labels. */
    public KvMetric withLabels(Map<String, String> other) {
        return new KvMetric(kind, name, help, other, value, buckets, count);
    }

    /** Kind of figure. */
    public Kind kind() {
        return kind;
    }

    /** Snake case, with its unit, without the engine's prefix: {@code transfer_bytes_total}. */
    public String name() {
        return name;
    }

    /** One sentence that says what is counted. */
    public String help() {
        return help;
    }

    /** Label names and values. */
    public Map<String, String> labels() {
        return labels;
    }

    /** The figure; of a histogram the sum of all values. */
    public double value() {
        return value;
    }

    /** Buckets of a histogram by growing bound, else none. */
    public List<Bucket> buckets() {
        return buckets;
    }

    /** Number of values in a histogram, else 0. */
    public long count() {
        return count;
    }

    @Override
    public String toString() {
        return "KvMetric[" + kind + " " + name + labels + "=" + value + "]";
    }
}
