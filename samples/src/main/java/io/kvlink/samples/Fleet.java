// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The demo's processes: a proxy, prefill instances and decode instances. */
final class Fleet implements AutoCloseable {

    private static final Pattern PROXY_READY =
            Pattern.compile("ready http=(\\S+) discovery=tcp://\\S+:(\\d+)");
    private static final Pattern HOST_READY = Pattern.compile("^ready http=(\\S+) kv=(\\S+)");
    private static final long START_NS = TimeUnit.SECONDS.toNanos(120);

    private final Path samples;
    private final Path logs;
    private final boolean lasting;
    private final Map<String, String> overrides;
    private final Ports ports;
    private final List<Child> children = new ArrayList<>();
    // Which instance has which KV address.
    private final Map<String, Child> byKvAddress = new LinkedHashMap<>();
    private final List<String> instanceHttp = new ArrayList<>();
    private String proxyHttp = "";
    private boolean closing;

    /**
     * A fleet that isn't started yet.
     *
     * @param samples the samples directory
     * @param logs where the processes' output goes
     * @param lasting whether it is to run for long
     * @param overrides settings of kv_connector_extra_config to change in all instances
     * @param ports that its processes listen on
     */
    Fleet(Path samples, Path logs, boolean lasting, Map<String, String> overrides, Ports ports) {
        this.samples = samples;
        this.logs = logs;
        this.lasting = lasting;
        this.overrides = overrides;
        this.ports = ports;
    }

    /** Starts everything, and returns when the proxy has heard of all instances. */
    void start(int prefills, int decodes) throws InterruptedException {
        long deadlineNs = System.nanoTime() + START_NS;
        Child proxy =
                add(
                        Child.start(
                                "proxy",
                                logs,
                                lasting,
                                List.of(
                                        "io.kvlink.proxy.ProxyMain",
                                        "--stop-with-stdin",
                                        "--port",
                                        "" + ports.orAny(10001),
                                        "--discovery-port",
                                        "" + ports.orAny(30001))));
        Matcher ready = proxy.await(PROXY_READY, deadlineNs);
        proxyHttp = ready.group(1);
        String discovery = ready.group(2);
        List<Child> instances = new ArrayList<>();
        for (int i = 1; i <= prefills; i++) {
            instances.add(instance("prefill", i, prefills, decodes, discovery));
        }
        for (int i = 1; i <= decodes; i++) {
            instances.add(instance("decode", i, prefills, decodes, discovery));
        }
        for (Child child : instances) {
            Matcher host = child.await(HOST_READY, deadlineNs);
            byKvAddress.put(host.group(2), child);
            instanceHttp.add("http://" + host.group(1));
        }
        awaitRegistered(prefills, decodes, deadlineNs);
    }

    /** Address for clients. */
    String proxyUrl() {
        return "http://" + proxyHttp;
    }

    /** Addresses of the instances themselves. */
    List<String> instanceUrls() {
        return List.copyOf(instanceHttp);
    }

    /** The instance of a KV address. */
    String nameOf(String kvAddress) {
        Child child = byKvAddress.get(kvAddress);
        return child == null ? kvAddress : child.name();
    }

    /** One line for each process. */
    List<String> describe() {
        List<String> lines = new ArrayList<>();
        lines.add("%-10s pid %-8s http %s".formatted("proxy", children.get(0).pid(), proxyHttp));
        byKvAddress.forEach(
                (kv, child) ->
                        lines.add(
                                "%-10s pid %-8s kv   %s".formatted(child.name(), child.pid(), kv)));
        return lines;
    }

    @Override
    public void close() {
        List<Child> all;
        synchronized (children) {
            closing = true;
            all = List.copyOf(children);
        }
        all.forEach(Child::stop);
        all.forEach(Child::close);
    }

    private Child instance(String kind, int number, int prefills, int decodes, String discovery) {
        Path dir = modelDir(kind, number, prefills, decodes);
        JsonObject transfer = JsonParser.parseString(transferConfig(dir)).getAsJsonObject();
        JsonObject extra = transfer.getAsJsonObject("kv_connector_extra_config");
        int http =
                extra.get("http_port").getAsInt() + (dirNumber(dir) == number ? 0 : 100 + number);
        int kv = transfer.get("kv_port").getAsInt() + (dirNumber(dir) == number ? 0 : 100 + number);
        transfer.addProperty("kv_port", ports.orAny(kv));
        extra.addProperty("proxy_port", discovery);
        extra.addProperty("http_port", "${http_port}");
        overrides.forEach(extra::addProperty);
        return add(
                Child.start(
                        kind + number,
                        logs,
                        lasting,
                        List.of(
                                "io.kvlink.host.HostMain",
                                "--stop-with-stdin",
                                "--model-dir",
                                dir.toString(),
                                "--port",
                                "" + ports.orAny(http),
                                "-O",
                                "kv_transfer_config=" + transfer)));
    }

    // The recipe that fits; beyond the recipes, more instances like the first of 1P1D.
    private Path modelDir(String kind, int number, int prefills, int decodes) {
        Path configs = samples.resolve("configs");
        Path exact = configs.resolve(prefills + "p" + decodes + "d").resolve(kind + number);
        return Files.isDirectory(exact) ? exact : configs.resolve("1p1d").resolve(kind + 1);
    }

    private static int dirNumber(Path dir) {
        String name = dir.getFileName().toString();
        return name.charAt(name.length() - 1) - '0';
    }

    private static String transferConfig(Path dir) {
        Properties properties = new Properties();
        try (Reader reader =
                Files.newBufferedReader(
                        dir.resolve("serving.properties"), StandardCharsets.UTF_8)) {
            properties.load(reader);
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
        return properties.getProperty("option.kv_transfer_config");
    }

    private void awaitRegistered(int prefills, int decodes, long deadlineNs)
            throws InterruptedException {
        HttpClient client = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();
        HttpRequest request =
                HttpRequest.newBuilder(URI.create(proxyUrl() + "/instances"))
                        .timeout(Duration.ofSeconds(5))
                        .build();
        while (true) {
            int seen = 0;
            try {
                String body = client.send(request, HttpResponse.BodyHandlers.ofString()).body();
                for (JsonElement ignored :
                        JsonParser.parseString(body)
                                .getAsJsonObject()
                                .getAsJsonArray("instances")) {
                    seen++;
                }
            } catch (IOException cause) {
                throw new UncheckedIOException(cause);
            }
            if (seen == prefills + decodes) {
                return;
            }
            if (System.nanoTime() > deadlineNs) {
                throw new DemoException(
                        "the proxy knows %d of %d instances; see %s"
                                .formatted(seen, prefills + decodes, logs));
            }
            TimeUnit.MILLISECONDS.sleep(50);
        }
    }

    private Child add(Child child) {
        synchronized (children) {
            children.add(child);
            if (closing) {
                child.stop();
            }
        }
        return child;
    }
}
