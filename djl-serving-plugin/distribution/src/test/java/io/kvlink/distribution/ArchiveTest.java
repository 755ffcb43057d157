// SPDX-License-Identifier: Apache-2.0
package io.kvlink.distribution;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.reflect.Method;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The archive, unpacked, works with the libraries that a DJL Serving 0.36 has, and no others. */
class ArchiveTest {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    private static final Pattern MISSING = Pattern.compile(" -> (\\S+) +not found");

    @TempDir private static Path dir;
    private static Installation installed;

    @BeforeAll
    static void unpack() throws Exception {
        installed = Installation.unpack(dir);
    }

    @Test
    void shouldBringItsOwnJarsAndNoneThatTheServerHas() throws Exception {
        Set<String> plugins = artifacts(installed.jars("plugins"));
        assertThat(plugins)
                .contains(
                        "kvlink-djl-serving-plugin",
                        "kvlink-spi",
                        "kvlink-connector-p2p-nccl",
                        "kvlink-tensor-pool",
                        "kvlink-proxy-demo",
                        "jeromq",
                        "msgpack-core");
        Set<String> server = artifacts(Installation.serverLibraries());
        assertThat(server).contains("api", "gson", "netty-codec-http", "slf4j-api", "tokenizers");
        server.remove("javacpp");
        assertThat(plugins).doesNotContainAnyElementsOf(server);
    }

    @Test
    void shouldReferToNoClassThatIsNeitherInItNorInTheServer() throws Exception {
        List<Path> others = new ArrayList<>(Installation.serverLibraries());
        others.addAll(installed.jars("plugins"));
        others.addAll(installed.jars("lib"));
        List<String> arguments = new ArrayList<>();
        arguments.addAll(List.of("--missing-deps", "--multi-release", "17", "-cp"));
        arguments.add(Installation.join(others));
        for (Path jar : installed.jars("plugins")) {
            if (jar.getFileName().toString().startsWith("kvlink-")) {
                arguments.add(jar.toString());
            }
        }
        assertThat(arguments).hasSizeGreaterThan(8);
        assertThat(missing(arguments)).isEmpty();
        // The same without a server: what is missing is found.
        arguments.set(4, Installation.join(installed.jars("plugins")));
        assertThat(missing(arguments)).contains("ai.djl.engine.Engine", "com.google.gson.Gson");
    }

    /** Annotations of package-info classes are missing everywhere, and no JVM misses them. */
    private static List<String> missing(List<String> arguments) {
        StringWriter text = new StringWriter();
        PrintWriter out = new PrintWriter(text);
        ToolProvider.findFirst("jdeps")
                .orElseThrow()
                .run(out, out, arguments.toArray(String[]::new));
        return MISSING.matcher(text.toString())
                .results()
                .map(found -> found.group(1))
                .filter(name -> !name.startsWith("org.jspecify."))
                .toList();
    }

    @Test
    void shouldGiveAConnectorItsOwnJavaCppThoughTheServerHasAnother() throws Exception {
        try (URLClassLoader server =
                        new URLClassLoader(
                                urls(Installation.serverLibraries()),
                                ClassLoader.getPlatformClassLoader());
                URLClassLoader plugins =
                        new URLClassLoader(urls(installed.jars("plugins")), server)) {
            Method over =
                    plugins.loadClass("io.kvlink.djl.ConnectorLoader")
                            .getDeclaredMethod("over", ClassLoader.class);
            over.setAccessible(true);
            try (URLClassLoader connectors = (URLClassLoader) over.invoke(null, plugins)) {
                assertThat(javaCpp(plugins)).isEqualTo("1.5.11");
                assertThat(javaCpp(connectors)).isEqualTo("1.5.13");
                assertThat(connectors.loadClass("io.kvlink.spi.KvConnector"))
                        .isSameAs(plugins.loadClass("io.kvlink.spi.KvConnector"));
            }
        }
    }

    private static Object javaCpp(ClassLoader loader) throws Exception {
        return loader.loadClass("org.bytedeco.javacpp.Loader").getMethod("getVersion").invoke(null);
    }

    @Test
    void shouldAnswerThroughPrefillAndDecodeWhatOneInstanceAnswers() throws Exception {
        try (Child proxy =
                        Child.start(
                                List.of(
                                        installed.file("bin/proxy").toString(),
                                        "--port=0",
                                        "--discovery-port=0"),
                                dir.resolve("proxy.log"));
                Child prefill = instance(proxy, "prefill", "kv_producer");
                Child decode = instance(proxy, "decode", "kv_consumer")) {
            awaitPair(proxy);
            JsonObject alone = complete(prefill);
            JsonObject pair = complete(proxy);
            assertThat(text(alone)).isNotBlank();
            assertThat(text(pair)).isEqualTo(text(alone));
            assertThat(stat(alone, "loaded_prompt_tokens")).isZero();
            assertThat(stat(pair, "loaded_prompt_tokens")).isPositive();
            assertThat(stat(pair, "kv_bytes")).isPositive();

            assertThat(decode.terminate()).isZero();
            assertThat(prefill.terminate()).isZero();
            assertThat(proxy.terminate()).isZero();
        }
    }

    private static Child instance(Child proxy, String name, String role) throws Exception {
        String[] discovery = proxy.discovery().split(":", 2);
        String transfer =
                """
                {"kv_connector":"P2pNcclConnector","kv_role":"%s","kv_port":0,"kv_buffer_size":1e8,\
                "kv_connector_extra_config":{"proxy_ip":"%s","proxy_port":%s,"http_port":"${http_port}"}}"""
                        .formatted(role, discovery[0], discovery[1]);
        return installed.host(
                dir.resolve(name + ".log"),
                List.of(
                        "--model-dir=" + installed.file("model"),
                        "--port=0",
                        "-O",
                        "kv_transfer_config=" + transfer,
                        "-O",
                        "kv_cache_tokens=1024"));
    }

    /** Heartbeats come when they come; the test's time limit ends the wait. */
    private static void awaitPair(Child proxy) throws Exception {
        JsonObject health;
        do {
            health =
                    JsonParser.parseString(
                                    send(HttpRequest.newBuilder(uri(proxy, "/health")).GET()))
                            .getAsJsonObject();
            Thread.onSpinWait();
        } while (health.get("prefill").getAsInt() < 1 || health.get("decode").getAsInt() < 1);
    }

    private static JsonObject complete(Child server) throws Exception {
        String body =
                """
                {"model":"base_model","temperature":0,"max_tokens":12,\
                "prompt":"Facts: Leo is in the attic. Mia is on the hill. Question: Where is Leo? Answer:"}""";
        return JsonParser.parseString(
                        send(
                                HttpRequest.newBuilder(uri(server, "/v1/completions"))
                                        .header("Content-Type", "application/json")
                                        .header("X-KvLink-Stats", "1")
                                        .POST(BodyPublishers.ofString(body))))
                .getAsJsonObject();
    }

    private static String send(HttpRequest.Builder request) throws Exception {
        return HttpClient.newHttpClient()
                .send(request.timeout(LIMIT).build(), BodyHandlers.ofString())
                .body();
    }

    private static URI uri(Child server, String path) {
        return URI.create("http://" + server.http() + path);
    }

    private static String text(JsonObject answer) {
        return answer.getAsJsonArray("choices").get(0).getAsJsonObject().get("text").getAsString();
    }

    private static long stat(JsonObject answer, String name) {
        return answer.getAsJsonObject("kvlink").get(name).getAsLong();
    }

    /** Names without versions: {@code netty-codec-http} of {@code netty-codec-http-4.1.jar}. */
    private static Set<String> artifacts(List<Path> jars) {
        Set<String> names = new TreeSet<>();
        for (Path jar : jars) {
            names.add(jar.getFileName().toString().replaceFirst("-\\d.*", ""));
        }
        return names;
    }

    private static URL[] urls(List<Path> paths) throws Exception {
        URL[] urls = new URL[paths.size()];
        for (int i = 0; i < urls.length; i++) {
            urls[i] = paths.get(i).toUri().toURL();
        }
        return urls;
    }
}
