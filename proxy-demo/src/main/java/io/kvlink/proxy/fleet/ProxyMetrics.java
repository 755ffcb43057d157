// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.fleet;

import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.Gauge;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;

/** Counters of the proxy, in a registry of their own. Used from any thread. */
public final class ProxyMetrics {

    private final PrometheusRegistry registry = new PrometheusRegistry();

    public final Counter responses = counter("responses", "Answers to clients", "path", "status");
    public final Counter upstreamFailures =
            counter("upstream_failures", "Failed calls to instances", "role", "kind");
    public final Counter prefillRetries =
            counter("prefill_retries", "Requests sent to another prefill instance");
    public final Counter decodeRetries =
            counter("decode_retries", "Requests sent to another decode instance");
    public final Counter decodeAlone =
            counter("decode_alone", "Requests that a decode instance computes alone", "reason");
    public final Counter clientsGone =
            counter("client_disconnects", "Clients that left before their answer was complete");
    public final Counter brokenAnswers =
            counter("broken_answers", "Answers that broke off after they had begun");
    public final Counter heartbeats = counter("heartbeats", "Heartbeats", "outcome");
    public final Counter expired =
            counter("instances_expired", "Instances whose heartbeat stopped");
    public final Counter refusedConnections =
            counter("refused_connections", "Client connections over max_connections");
    public final Gauge inFlight =
            Gauge.builder()
                    .name("kvlink_proxy_requests_in_flight")
                    .help("Requests between their arrival and the end of their answer")
                    .register(registry);
    public final Histogram firstByte =
            Histogram.builder()
                    .name("kvlink_proxy_time_to_status_seconds")
                    .help("From a request's arrival to the status line of its answer")
                    .classicOnly()
                    .register(registry);

    private Counter counter(String name, String help, String... labels) {
        return Counter.builder()
                .name("kvlink_proxy_" + name)
                .help(help)
                .labelNames(labels)
                .register(registry);
    }

    /** Shows how many instances of each role the table holds, in all and of each model. */
    public void watch(InstanceTable table) {
        GaugeWithCallback.builder()
                .name("kvlink_proxy_instances")
                .help("Instances that are alive")
                .labelNames("role")
                .callback(
                        callback -> {
                            for (Role role : Role.values()) {
                                callback.call(table.snapshot().of(role).size(), role.word());
                            }
                        })
                .register(registry);
        GaugeWithCallback.builder()
                .name("kvlink_proxy_model_instances")
                .help("Instances that are alive and name this model")
                .labelNames("model", "role")
                .callback(
                        callback -> {
                            InstanceTable.Snapshot now = table.snapshot();
                            for (String model : now.models()) {
                                for (Role role : Role.values()) {
                                    callback.call(now.named(role, model), model, role.word());
                                }
                            }
                        })
                .register(registry);
    }

    /** All of it, in Prometheus's text format. */
    public byte[] text() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try {
            new PrometheusTextFormatWriter(false).write(out, registry.scrape());
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
        return out.toByteArray();
    }
}
