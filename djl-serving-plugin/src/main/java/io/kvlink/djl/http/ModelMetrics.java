// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import io.kvlink.djl.generation.TextGenerator;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.CounterSnapshot.CounterDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.DataPointSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot.GaugeDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot.HistogramDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The figures of several models as one: each sample says its model, each family is there once, as
 * Prometheus' format demands.
 */
final class ModelMetrics {

    private static final String LABEL = "model";
    // Prometheus' own name for a label that gives way.
    private static final String DISPLACED = "exported_model";

    private final Map<String, List<MetricSnapshot>> families = new LinkedHashMap<>();

    private ModelMetrics() {}

    static MetricSnapshots of(List<TextGenerator> models) {
        ModelMetrics all = new ModelMetrics();
        for (TextGenerator model : models) {
            for (MetricSnapshot family : model.metrics().scrape()) {
                all.add(family, model.modelName());
            }
        }
        MetricSnapshots.Builder snapshots = MetricSnapshots.builder();
        all.families.values().forEach(parts -> snapshots.metricSnapshot(joined(parts)));
        return snapshots.build();
    }

    /**
     * Adds a family of figures. Of two kinds with one name the first counts: a family has one type.
     */
    private void add(MetricSnapshot family, String model) {
        List<MetricSnapshot> parts =
                families.computeIfAbsent(
                        family.getMetadata().getPrometheusName(), name -> new ArrayList<>());
        if (parts.isEmpty() || parts.get(0).getClass() == family.getClass()) {
            parts.add(labelled(family, model));
        }
    }

    private static MetricSnapshot labelled(MetricSnapshot family, String model) {
        if (family instanceof CounterSnapshot counter) {
            return new CounterSnapshot(
                    family.getMetadata(),
                    counter.getDataPoints().stream()
                            .map(
                                    point ->
                                            new CounterDataPointSnapshot(
                                                    point.getValue(),
                                                    labels(point, model),
                                                    point.getExemplar(),
                                                    point.getCreatedTimestampMillis()))
                            .toList());
        }
        if (family instanceof GaugeSnapshot gauge) {
            return new GaugeSnapshot(
                    family.getMetadata(),
                    gauge.getDataPoints().stream()
                            .map(
                                    point ->
                                            new GaugeDataPointSnapshot(
                                                    point.getValue(),
                                                    labels(point, model),
                                                    point.getExemplar()))
                            .toList());
        }
        if (family instanceof HistogramSnapshot histogram) {
            return new HistogramSnapshot(
                    family.getMetadata(),
                    histogram.getDataPoints().stream()
                            .map(
                                    point ->
                                            new HistogramDataPointSnapshot(
                                                    point.getClassicBuckets(),
                                                    point.getSum(),
                                                    labels(point, model),
                                                    point.getExemplars(),
                                                    point.getCreatedTimestampMillis()))
                            .toList());
        }
        throw new IllegalStateException(
                "metric=%s type=%s; expected a counter, gauge or classic histogram"
                        .formatted(family.getMetadata().getName(), family.getClass().getName()));
    }

    private static Labels labels(DataPointSnapshot point, String model) {
        Labels.Builder labels = Labels.builder().label(LABEL, model);
        point.getLabels()
                .forEach(
                        label ->
                                labels.label(
                                        label.getName().equals(LABEL) ? DISPLACED : label.getName(),
                                        label.getValue()));
        return labels.build();
    }

    private static MetricSnapshot joined(List<MetricSnapshot> parts) {
        MetricSnapshot first = parts.get(0);
        if (first instanceof CounterSnapshot) {
            return new CounterSnapshot(
                    first.getMetadata(), points(parts, CounterDataPointSnapshot.class));
        }
        return first instanceof GaugeSnapshot
                ? new GaugeSnapshot(
                        first.getMetadata(), points(parts, GaugeDataPointSnapshot.class))
                : new HistogramSnapshot(
                        first.getMetadata(), points(parts, HistogramDataPointSnapshot.class));
    }

    private static <T> List<T> points(List<MetricSnapshot> parts, Class<T> type) {
        return parts.stream()
                .flatMap(part -> part.getDataPoints().stream())
                .map(type::cast)
                .toList();
    }
}
