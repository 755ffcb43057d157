// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.kvlink.host.EmbeddedHost;
import io.kvlink.host.HostConfig;
import io.kvlink.proxy.ProxyServer;
import io.kvlink.spi.Settings;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/**
 * The demo model as clients meet it: a worker that does everything, and a proxy with a prefill and
 * a decode instance behind it.
 */
public final class ServedModel implements AutoCloseable {

    private static final String MODEL = "base_model";
    // KV whose client left before the decode instance had its request is kept for unclaimed_ttl_s,
    // which is 60 s.
    private static final long REST_NS = TimeUnit.SECONDS.toNanos(80);

    /**
     * Settings of a connector whose peer may take long for its first words: the machine is busy.
     */
    static final Map<String, String> PATIENT = Map.of("handshake_timeout_s", "25");

    private static final HttpClient CLIENT =
            HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(30)).build();

    private final EmbeddedHost worker;
    private final Fleet fleet;

    private ServedModel(EmbeddedHost worker, Fleet fleet) {
        this.worker = worker;
        this.fleet = fleet;
    }

    /**
     * Starts all of them.
     *
     * @param samples the samples directory
     * @param logs where the processes' output goes
     */
    public static ServedModel start(Path samples, Path logs) throws InterruptedException {
        Fleet fleet = new Fleet(samples, logs, false, PATIENT, Ports.FREE);
        try {
            fleet.start(1, 1);
            return new ServedModel(worker(samples, Map.of()), fleet);
        } catch (RuntimeException | InterruptedException failure) {
            fleet.close();
            throw failure;
        }
    }

    /** A worker that does everything, in this JVM. */
    public static EmbeddedHost worker(Path samples, Map<String, String> options) {
        return EmbeddedHost.start(
                new HostConfig(
                        samples.resolve("configs/aggregated"),
                        "127.0.0.1",
                        0,
                        options,
                        Optional.empty()),
                ServedModel.class.getClassLoader());
    }

    /** A proxy that no instance has registered at: whoever asks gets 503. */
    public static ProxyServer lonelyProxy() {
        return ProxyServer.start(Settings.of("proxy", Map.of("port", 0, "discovery_port", 0)));
    }

    /** Address that a worker listens on. */
    public static String url(EmbeddedHost worker) {
        return "http://127.0.0.1:" + worker.port();
    }

    /** Address for clients of the worker. */
    public String workerUrl() {
        return url(worker);
    }

    /** Address for clients of the proxy. */
    public String proxyUrl() {
        return fleet.proxyUrl();
    }

    /** Number of answers that the instance behind this address has given up for its clients. */
    public long cancelled(String url) throws IOException, InterruptedException {
        return ended(url, "cancelled");
    }

    /** Number of requests with this outcome at the instance behind this address. */
    public long ended(String url, String outcome) throws IOException, InterruptedException {
        String label = "outcome=\"" + outcome + '"';
        return get(answering(url) + "/metrics")
                .lines()
                .filter(line -> line.startsWith("kvlink_requests_total{") && line.contains(label))
                .mapToLong(line -> (long) Double.parseDouble(line.split("} ", 2)[1]))
                .sum();
    }

    /** Waits until so many answers were given up, or fails. */
    public void awaitCancelled(String url, long wanted) throws IOException, InterruptedException {
        long deadlineNs = System.nanoTime() + REST_NS;
        while (cancelled(url) < wanted && System.nanoTime() < deadlineNs) {
            LockSupport.parkNanos(10_000_000);
        }
        assertThat(cancelled(url)).as("cancelled at %s", url).isGreaterThanOrEqualTo(wanted);
    }

    /** Waits until the instance that answers at this address is about an answer, or fails. */
    public void awaitRunning(String url) throws IOException, InterruptedException {
        long deadlineNs = System.nanoTime() + REST_NS;
        while (running(url) == 0 && System.nanoTime() < deadlineNs) {
            LockSupport.parkNanos(1_000_000);
        }
        assertThat(running(url)).as("running at %s", url).isPositive();
    }

    /** All that was asked for and given up is freed everywhere: waits until it is so, or fails. */
    public void assertAtRest() throws IOException, InterruptedException {
        assertAtRest(workerUrl());
        for (String url : fleet.instanceUrls()) {
            assertAtRest(url);
        }
    }

    /** All that was asked of one instance is freed: waits until it is so, or fails. */
    public static void assertAtRest(String url) throws IOException, InterruptedException {
        long deadlineNs = System.nanoTime() + REST_NS;
        List<JsonObject> models;
        do {
            LockSupport.parkNanos(10_000_000);
            models = statuses(url);
        } while (!models.stream().allMatch(ServedModel::atRest) && System.nanoTime() < deadlineNs);
        assertThat(models).as(url).isNotEmpty().allMatch(ServedModel::atRest);
    }

    @Override
    public void close() {
        try (worker) {
            fleet.close();
        }
    }

    private int running(String url) throws IOException, InterruptedException {
        return count(answering(url), MODEL, "running");
    }

    private String answering(String url) {
        return url.equals(proxyUrl()) ? fleet.instanceUrls().get(1) : url;
    }

    /** Number of a model's requests that an instance has in this state. */
    static int count(String url, String model, String state)
            throws IOException, InterruptedException {
        return statuses(url).stream()
                .filter(status -> status.get("model").getAsString().equals(model))
                .mapToInt(status -> status.get(state).getAsInt())
                .sum();
    }

    // Workers of one JVM answer for each other's models, too.
    private static List<JsonObject> statuses(String url) throws IOException, InterruptedException {
        return JsonParser.parseString(get(url + "/kvlink/status"))
                .getAsJsonObject()
                .getAsJsonArray("models")
                .asList()
                .stream()
                .map(JsonElement::getAsJsonObject)
                .toList();
    }

    private static String get(String url) throws IOException, InterruptedException {
        HttpRequest request =
                HttpRequest.newBuilder(URI.create(url)).timeout(Duration.ofSeconds(60)).build();
        return CLIENT.send(request, HttpResponse.BodyHandlers.ofString()).body();
    }

    private static boolean atRest(JsonObject status) {
        return status.get("waiting").getAsInt() == 0
                && status.get("running").getAsInt() == 0
                && status.get("free_tokens").getAsInt() == status.get("total_tokens").getAsInt()
                && (status.get("ledger").isJsonNull() || idle(status.getAsJsonObject("ledger")));
    }

    private static boolean idle(JsonObject ledger) {
        return Stream.of("buffer_bytes", "pool_bytes", "leases", "transfers")
                .allMatch(key -> ledger.get(key).getAsLong() == 0);
    }
}
