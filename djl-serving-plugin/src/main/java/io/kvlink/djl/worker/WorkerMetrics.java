// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.djl.engine.KvMemory;
import io.kvlink.djl.generation.GenerationException;
import io.kvlink.spi.KvError;
import io.prometheus.metrics.core.datapoints.CounterDataPoint;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.util.Locale;
import java.util.function.DoubleSupplier;

/** A worker's figures. Names and meanings: {@code docs/metrics.md}. Any thread may read. */
final class WorkerMetrics {

    private static final double NANOS = 1e9;

    private final Counter requests;
    private final CounterDataPoint computed;
    private final CounterDataPoint loaded;
    private final Counter generated;
    private final Counter loadFailures;
    private final Counter recomputes;
    private final Counter preemptions;
    private final Histogram batch;
    private final Histogram ttft;
    private final Histogram tpot;
    private final Histogram itl;
    private final Histogram queue;

    WorkerMetrics(PrometheusRegistry registry) {
        requests =
                Counter.builder()
                        .name("kvlink_requests")
                        .help("Requests that ended, by how.")
                        .labelNames("outcome")
                        .register(registry);
        Counter prompt =
                Counter.builder()
                        .name("kvlink_prompt_tokens")
                        .help("Prompt tokens computed here, or loaded from another instance.")
                        .labelNames("source")
                        .register(registry);
        computed = prompt.labelValues("computed");
        loaded = prompt.labelValues("loaded");
        generated =
                Counter.builder()
                        .name("kvlink_generated_tokens")
                        .help("Tokens of answers.")
                        .register(registry);
        loadFailures =
                Counter.builder()
                        .name("kvlink_kv_load_failures")
                        .help("Prompts whose KV didn't come, by why.")
                        .labelNames("error")
                        .register(registry);
        recomputes =
                Counter.builder()
                        .name("kvlink_recomputes")
                        .help("Prompts computed here since their KV didn't come, by why.")
                        .labelNames("error")
                        .register(registry);
        preemptions =
                Counter.builder()
                        .name("kvlink_preemptions")
                        .help("Times a request gave up its KV memory and computed it again.")
                        .register(registry);
        batch =
                Histogram.builder()
                        .name("kvlink_decode_batch_size")
                        .help("Requests whose next tokens were computed together.")
                        .classicOnly()
                        .classicUpperBounds(1, 2, 4, 8, 16, 32, 64, 128, 256)
                        .register(registry);
        ttft =
                Histogram.builder()
                        .name("kvlink_ttft_seconds")
                        .help("From submission to the first token.")
                        .classicOnly()
                        .classicUpperBounds(
                                .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30,
                                60)
                        .register(registry);
        tpot =
                Histogram.builder()
                        .name("kvlink_tpot_seconds")
                        .help("Mean time of an answer's tokens after the first.")
                        .classicOnly()
                        .classicUpperBounds(
                                .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5)
                        .register(registry);
        itl =
                Histogram.builder()
                        .name("kvlink_itl_seconds")
                        .help("From one token of an answer to its next.")
                        .classicOnly()
                        .classicUpperBounds(
                                .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5)
                        .register(registry);
        queue =
                Histogram.builder()
                        .name("kvlink_queue_seconds")
                        .help("From submission until there was KV memory for it.")
                        .classicOnly()
                        .classicUpperBounds(
                                .0001, .001, .005, .01, .05, .1, .5, 1, 2.5, 5, 10, 30, 60)
                        .register(registry);
    }

    /** Shows what is held now. */
    static void addGauges(
            PrometheusRegistry registry, SchedulerInbox inbox, Requests all, KvMemory memory) {
        gauge(registry, "kvlink_requests_waiting", "Requests without KV memory.", inbox::waiting);
        gauge(registry, "kvlink_requests_running", "Requests with KV memory.", all::runningCount);
        gauge(
                registry,
                "kvlink_kv_tokens_free",
                "Tokens for which there is KV memory.",
                () -> memory.freeBlocks() * (double) KvMemory.BLOCK_TOKENS);
        gauge(
                registry,
                "kvlink_kv_tokens_capacity",
                "Tokens for which there can be KV memory.",
                () -> memory.totalBlocks() * (double) KvMemory.BLOCK_TOKENS);
    }

    private static void gauge(
            PrometheusRegistry registry, String name, String help, DoubleSupplier value) {
        GaugeWithCallback.builder()
                .name(name)
                .help(help)
                .callback(callback -> callback.call(value.getAsDouble()))
                .register(registry);
    }

    /** A request was refused. */
    void onEnded(GenerationException.Kind kind) {
        onEnded(kind.name().toLowerCase(Locale.ROOT));
    }

    void onEnded(String outcome) {
        requests.labelValues(outcome).inc();
    }

    void onComputed(int promptTokens) {
        computed.inc(promptTokens);
    }

    void onLoaded(int promptTokens) {
        loaded.inc(promptTokens);
    }

    void onToken() {
        generated.inc();
    }

    void onLoadFailed(KvError error) {
        loadFailures.labelValues(error.name()).inc();
    }

    void onRecompute(KvError error) {
        recomputes.labelValues(error.name()).inc();
    }

    void onPreemption() {
        preemptions.inc();
    }

    void onBatch(int requests) {
        batch.observe(requests);
    }

    /** A request got KV memory for the first time. */
    void onAdmitted(long nanos) {
        queue.observe(nanos / NANOS);
    }

    void onNextToken(long nanos) {
        itl.observe(nanos / NANOS);
    }

    void onFirstToken(long nanos) {
        ttft.observe(nanos / NANOS);
    }

    /** The time of {@code tokens} tokens after the first. */
    void onLaterTokens(long nanos, int tokens) {
        tpot.observe(nanos / NANOS / tokens);
    }
}
