// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker.connector;

import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvMetric;
import io.prometheus.metrics.model.registry.MultiCollector;
import io.prometheus.metrics.model.snapshots.ClassicHistogramBuckets;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import io.prometheus.metrics.model.snapshots.PrometheusNaming;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Shows a connector's figures under the prefix {@value #PREFIX}. Called from any thread. */
public final class ConnectorMetrics implements MultiCollector {

    static final String PREFIX = "kvlink_connector_";

    private final KvConnector connector;

    public ConnectorMetrics(KvConnector connector) {
        this.connector = connector;
    }

    @Override
    public MetricSnapshots collect() {
        Map<String, Map<Labels, KvMetric>> byName = new LinkedHashMap<>();
        for (KvMetric metric : connector.metrics()) {
            String name = PrometheusNaming.sanitizeMetricName(PREFIX + metric.name());
            // Of two samples with the same labels the last counts: the format allows one.
            byName.computeIfAbsent(name, key -> new LinkedHashMap<>()).put(labels(metric), metric);
        }
        MetricSnapshots.Builder snapshots = MetricSnapshots.builder();
        byName.forEach((name, samples) -> snapshots.metricSnapshot(snapshot(name, samples)));
        return snapshots.build();
    }

    private static MetricSnapshot snapshot(String name, Map<Labels, KvMetric> samples) {
        KvMetric first = List.copyOf(samples.values()).get(0);
        return switch (first.kind()) {
            case COUNTER -> counter(name, first.help(), samples);
            case GAUGE -> gauge(name, first.help(), samples);
            case HISTOGRAM -> histogram(name, first.help(), samples);
        };
    }

    private static MetricSnapshot counter(String name, String help, Map<Labels, KvMetric> samples) {
        CounterSnapshot.Builder counter = CounterSnapshot.builder().name(name).help(help);
        samples.forEach(
                (labels, sample) ->
                        counter.dataPoint(
                                CounterSnapshot.CounterDataPointSnapshot.builder()
                                        .labels(labels)
                                        .value(sample.value())
                                        .build()));
        return counter.build();
    }

    private static MetricSnapshot gauge(String name, String help, Map<Labels, KvMetric> samples) {
        GaugeSnapshot.Builder gauge = GaugeSnapshot.builder().name(name).help(help);
        samples.forEach(
                (labels, sample) ->
                        gauge.dataPoint(
                                GaugeSnapshot.GaugeDataPointSnapshot.builder()
                                        .labels(labels)
                                        .value(sample.value())
                                        .build()));
        return gauge.build();
    }

    private static MetricSnapshot histogram(
            String name, String help, Map<Labels, KvMetric> samples) {
        HistogramSnapshot.Builder histogram = HistogramSnapshot.builder().name(name).help(help);
        samples.forEach(
                (labels, sample) ->
                        histogram.dataPoint(
                                HistogramSnapshot.HistogramDataPointSnapshot.builder()
                                        .labels(labels)
                                        .classicHistogramBuckets(buckets(sample))
                                        .sum(sample.value())
                                        .build()));
        return histogram.build();
    }

    // Ours count all smaller values too, Prometheus' snapshot each value once.
    private static ClassicHistogramBuckets buckets(KvMetric sample) {
        ClassicHistogramBuckets.Builder buckets = ClassicHistogramBuckets.builder();
        long below = 0;
        for (KvMetric.Bucket bucket : sample.buckets()) {
            buckets.bucket(bucket.upperBound(), bucket.count() - below);
            below = bucket.count();
        }
        return buckets.bucket(Double.POSITIVE_INFINITY, sample.count() - below).build();
    }

    private static Labels labels(KvMetric metric) {
        Labels.Builder labels = Labels.builder();
        metric.labels()
                .forEach(
                        (name, value) ->
                                labels.label(PrometheusNaming.sanitizeLabelName(name), value));
        return labels.build();
    }
}
