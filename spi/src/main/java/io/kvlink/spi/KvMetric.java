// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.Map;

/**
 * One sample of a connector's figures, in the terms of Prometheus.
 *
 * @param name snake case, with its unit, without the engine's prefix: {@code transfer_bytes_total}
 * @param help one sentence
 * @param counter true if it only grows, false for a gauge
 * @param labels label names and values
 * @param value the figure
 */
public record KvMetric(
        String name, String help, boolean counter, Map<String, String> labels, double value) {

    public KvMetric {
        labels = Map.copyOf(labels);
    }
}
