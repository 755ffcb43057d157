// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy;

import io.kvlink.proxy.config.ProxyConfig;
import io.kvlink.proxy.fleet.Beats;
import io.kvlink.spi.Settings;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.LongSupplier;

/** A proxy on free ports, fake instances around it, and a client. Closes all of them. */
final class Rig implements AutoCloseable {

    static final Duration DEADLINE = Duration.ofSeconds(60);

    /** Process number of instances that name their model. */
    static final long PROCESS = 7;

    private static final HttpClient CLIENT =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    final ProxyServer proxy;
    final Beats beats;
    private final List<AutoCloseable> others = new ArrayList<>();
    private final Map<String, String> controls = new HashMap<>();
    private int prefills;
    private int decodes;
    private int control = 21_000;

    Rig(Map<String, ?> more) {
        this(more, System::nanoTime);
    }

    Rig(Map<String, ?> more, LongSupplier clock) {
        Map<String, Object> settings = new HashMap<>(more);
        settings.put("port", 0);
        settings.put("discovery_port", 0);
        settings.putIfAbsent("expiry_ms", 600_000);
        proxy = ProxyServer.start(ProxyConfig.of(Settings.of("proxy", settings)), clock);
        beats = new Beats(proxy.ports().discovery());
    }

    Rig() {
        this(Map.of());
    }

    /** Registers an instance and waits until the proxy knows it; its control port counts up. */
    FakeInstance prefill(FakeInstance.Script script, String... models) throws Exception {
        return instance("P", script, models);
    }

    FakeInstance decode(FakeInstance.Script script, String... models) throws Exception {
        return instance("D", script, models);
    }

    /** A process with an instance of each model. */
    private FakeInstance instance(String type, FakeInstance.Script script, String... models)
            throws Exception {
        FakeInstance fake = keep(new FakeInstance(script));
        for (String model : models) {
            register(type, fake.address(), Map.of("model", model, "process", PROCESS));
        }
        if (models.length == 0) {
            register(type, fake.address());
        }
        return fake;
    }

    void register(String type, String http) throws Exception {
        register(type, http, Map.of());
    }

    void register(String type, String http, Map<String, ?> more) throws Exception {
        controls.put(key(http, more), "127.0.0.1:" + control++);
        beat(type, http, more);
        if (type.equals("P")) {
            prefills++;
        } else {
            decodes++;
        }
        if (!proxy.awaitInstances(prefills, decodes, DEADLINE)) {
            throw new AssertionError("not registered: " + type + " " + http);
        }
    }

    /** One more heartbeat of an instance that was registered, over a connection of its own. */
    void beat(String type, String http, Map<String, ?> more) {
        String zmq = controls.getOrDefault(key(http, more), "");
        beats.dealer(zmq).send(Beats.map(type, http, zmq, more));
    }

    private static String key(String http, Map<String, ?> more) {
        return http + " " + more.get("model");
    }

    /** One more heartbeat, awaited by what it does. */
    void beat(String type, String http, Map<String, ?> more, String outcome) throws Exception {
        double before = metric(heartbeats(outcome));
        beat(type, http, more);
        awaitMetric(heartbeats(outcome), before + 1);
    }

    static String heartbeats(String outcome) {
        return "kvlink_proxy_heartbeats_total{outcome=\"" + outcome + "\"}";
    }

    /** Waits until a metric's line has at least a value. */
    void awaitMetric(String line, double atLeast) throws Exception {
        long endNs = System.nanoTime() + DEADLINE.toNanos();
        while (metric(line) < atLeast) {
            if (System.nanoTime() > endNs) {
                throw new AssertionError(line + " stays below " + atLeast);
            }
        }
    }

    /** Waits until no call is left; a client may have its answer a moment before. */
    void awaitNoCalls() {
        long endNs = System.nanoTime() + DEADLINE.toNanos();
        while (proxy.parts().calls().count() > 0) {
            if (System.nanoTime() > endNs) {
                throw new AssertionError("calls left: " + proxy.parts().calls().count());
            }
            Thread.onSpinWait();
        }
    }

    <T extends AutoCloseable> T keep(T other) {
        others.add(other);
        return other;
    }

    HttpResponse<String> post(String path, String body, String... headers) throws Exception {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(uri(path))
                        .timeout(DEADLINE)
                        .POST(HttpRequest.BodyPublishers.ofString(body));
        if (headers.length > 0) {
            request.headers(headers);
        }
        return CLIENT.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    /** Asks on another thread. */
    CompletableFuture<HttpResponse<String>> later(String body) {
        return CompletableFuture.supplyAsync(
                () -> {
                    try {
                        return post("/v1/completions", body);
                    } catch (Exception cause) {
                        throw new CompletionException(cause);
                    }
                });
    }

    HttpResponse<String> complete() throws Exception {
        return post("/v1/completions", "{\"prompt\":\"a\"}");
    }

    HttpResponse<String> completeBy(String model) throws Exception {
        return post("/v1/completions", "{\"prompt\":\"a\",\"model\":\"" + model + "\"}");
    }

    HttpResponse<String> get(String path) throws Exception {
        return CLIENT.send(
                HttpRequest.newBuilder(uri(path)).timeout(DEADLINE).build(),
                HttpResponse.BodyHandlers.ofString());
    }

    private URI uri(String path) {
        return URI.create("http://127.0.0.1:" + proxy.ports().http() + path);
    }

    /** A client that reads byte by byte and has sent nothing. */
    Socket silentClient() throws IOException {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), proxy.ports().http());
        socket.setSoTimeout((int) DEADLINE.toMillis());
        return socket;
    }

    /** A client that reads byte by byte, having sent one completion request. */
    Socket rawClient() throws IOException {
        return rawClient("{\"prompt\":\"a\",\"stream\":true}");
    }

    Socket rawClient(String body) throws IOException {
        Socket socket = silentClient();
        String request =
                "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"
                        .formatted(body.length(), body);
        socket.getOutputStream().write(request.getBytes(StandardCharsets.UTF_8));
        return socket;
    }

    /** Reads until the text is there. */
    static String readUntil(Socket socket, String text) throws IOException {
        StringBuilder read = new StringBuilder();
        while (read.indexOf(text) < 0) {
            int b = socket.getInputStream().read();
            if (b < 0) {
                throw new AssertionError("ended after: " + read);
            }
            read.append((char) b);
        }
        return read.toString();
    }

    /** The value of a metric's line, 0 if there is none. */
    double metric(String line) throws Exception {
        return get("/metrics")
                .body()
                .lines()
                .filter(l -> l.startsWith(line + " "))
                .mapToDouble(l -> Double.parseDouble(l.substring(line.length() + 1)))
                .findFirst()
                .orElse(0);
    }

    @Override
    public void close() throws Exception {
        for (AutoCloseable other : others) {
            other.close();
        }
        beats.close();
        proxy.close();
    }
}
