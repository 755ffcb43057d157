// SPDX-License-Identifier: Apache-2.0
package io.kvlink.distribution;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/**
 * A proxy, a prefill and a decode instance from the archive, a process each. They answer, and tell
 * of it as the archive's documentation says.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class PairTest {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final Pattern TYPE = Pattern.compile("(?m)^# TYPE (\\S+) (\\S+)$");
    private static final Pattern ROW =
            Pattern.compile("(?m)^\\| `(kvlink_\\w+)` \\| (\\w+) \\|[^|]*\\| (start|use|gpu) \\|");

    @TempDir private static Path dir;
    private static Installation installed;
    private static Child proxy;
    private static Child prefill;
    private static Child decode;
    private static String documentation;
    private static HttpResponse<String> alone;
    private static HttpResponse<String> pair;

    /** A row of a table of figures. */
    private record Figure(String name, String type, String since) {}

    @BeforeAll
    static void ask() throws Exception {
        installed = Installation.unpack(dir);
        documentation = Files.readString(installed.file("documentation/docs/metrics.md"));
        proxy =
                Child.start(
                        List.of(
                                installed.file("bin/proxy").toString(),
                                "--port=0",
                                "--discovery-port=0"),
                        dir.resolve("proxy.log"));
        prefill = instance("prefill", "kv_producer");
        decode = instance("decode", "kv_consumer");
        awaitPair();
        alone = complete(prefill);
        pair = complete(proxy);
    }

    @AfterAll
    static void kill() {
        Stream.of(decode, prefill, proxy).filter(child -> child != null).forEach(Child::close);
    }

    @Test
    @Order(1)
    void shouldAnswerWhatOneInstanceAnswers() {
        JsonObject one = json(alone.body());
        JsonObject both = json(pair.body());
        assertThat(text(one)).isNotBlank();
        assertThat(text(both)).isEqualTo(text(one));
        assertThat(stat(one, "loaded_prompt_tokens")).isZero();
        assertThat(stat(both, "loaded_prompt_tokens")).isPositive();
        assertThat(stat(both, "kv_bytes")).isPositive();
    }

    @Test
    @Order(2)
    void shouldShowTheFiguresThatAreDocumentedAndNoOthers() throws Exception {
        Set<Figure> documented = documented();
        Map<String, String> types = new TreeMap<>();
        documented.forEach(figure -> types.put(figure.name(), figure.type()));
        assertThat(types).hasSameSizeAs(documented);
        Set<String> seen = new TreeSet<>();
        for (Child server : List.of(proxy, prefill, decode)) {
            Map<String, String> shown = shown(server);
            seen.addAll(shown.keySet());
            assertThat(types).containsAllEntriesOf(shown);
            String prefix = server == proxy ? "kvlink_proxy_" : "kvlink_";
            for (Figure figure : documented) {
                boolean its =
                        figure.name().startsWith("kvlink_proxy_") == (server == proxy)
                                && figure.name().startsWith(prefix);
                if (its && figure.since().equals("start")) {
                    assertThat(shown).containsKey(figure.name());
                }
            }
        }
        assertThat(seen).contains("kvlink_connector_transfer_bytes_total");
        // What didn't happen here is at least what the sources name.
        String sources = sources();
        for (Figure figure : documented) {
            if (!seen.contains(figure.name())) {
                assertThat(figure.since()).as(figure.name()).isNotEqualTo("start");
                assertThat(sources).contains('"' + bareName(figure.name()));
            }
        }
    }

    @Test
    @Order(3)
    void shouldShowTheStatusThatIsDocumented() throws Exception {
        assertThat(shape(json(get(decode, "/kvlink/status"))))
                .isEqualTo(shape(example("json worker")));
        assertThat(shape(json(get(prefill, "/kvlink/status"))))
                .isEqualTo(shape(example("json worker")));
        assertThat(shape(json(get(proxy, "/kvlink/status"))))
                .isEqualTo(shape(example("json proxy")));
    }

    @Test
    @Order(4)
    void shouldEndAtSigtermHavingLoggedTheTransferEverywhere() throws Exception {
        assertThat(decode.terminate()).isZero();
        assertThat(prefill.terminate()).isZero();
        assertThat(proxy.terminate()).isZero();
        String id = pair.headers().firstValue("X-Request-Id").orElseThrow();
        assertThat(id).matches("[0-9a-f]{32}");
        assertThat(lines("proxy.log", id)).anyMatch(line -> line.contains("status=200"));
        assertThat(lines("prefill.log", id))
                .anyMatch(line -> line.contains("direction=send"))
                .anyMatch(line -> line.contains("outcome=length"));
        assertThat(lines("decode.log", id))
                .anyMatch(line -> line.contains("direction=receive"))
                .anyMatch(line -> line.contains("loaded="));
        for (String log : List.of("proxy.log", "prefill.log", "decode.log")) {
            assertThat(lines(log, id)).allMatch(line -> line.contains("transfer=" + id));
        }
    }

    // ---- servers ----

    private static Child instance(String name, String role) throws Exception {
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
    private static void awaitPair() throws Exception {
        JsonObject status;
        do {
            status = json(get(proxy, "/kvlink/status"));
            Thread.onSpinWait();
        } while (!status.get("ready").getAsBoolean());
    }

    private static HttpResponse<String> complete(Child server) throws Exception {
        String body =
                """
                {"model":"base_model","temperature":0,"max_tokens":12,"ignore_eos":true,\
                "prompt":"Facts: Leo is in the attic. Mia is on the hill. Question: Where is Leo? Answer:"}""";
        return send(
                HttpRequest.newBuilder(uri(server, "/v1/completions"))
                        .header("Content-Type", "application/json")
                        .header("X-KvLink-Stats", "1")
                        .POST(BodyPublishers.ofString(body)));
    }

    private static String get(Child server, String path) throws Exception {
        return send(HttpRequest.newBuilder(uri(server, path)).GET()).body();
    }

    private static HttpResponse<String> send(HttpRequest.Builder request) throws Exception {
        HttpResponse<String> response =
                HttpClient.newHttpClient()
                        .send(request.timeout(LIMIT).build(), BodyHandlers.ofString());
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return response;
    }

    private static URI uri(Child server, String path) {
        return URI.create("http://" + server.http() + path);
    }

    // ---- what they say ----

    private static JsonObject json(String text) {
        return JsonParser.parseString(text).getAsJsonObject();
    }

    private static String text(JsonObject answer) {
        return answer.getAsJsonArray("choices").get(0).getAsJsonObject().get("text").getAsString();
    }

    private static long stat(JsonObject answer, String name) {
        return answer.getAsJsonObject("kvlink").get(name).getAsLong();
    }

    private static Map<String, String> shown(Child server) throws Exception {
        Map<String, String> types = new TreeMap<>();
        TYPE.matcher(get(server, "/metrics"))
                .results()
                .forEach(line -> types.put(line.group(1), line.group(2)));
        return types;
    }

    private static List<String> lines(String log, String id) throws Exception {
        return Files.readAllLines(dir.resolve(log)).stream()
                .filter(line -> line.contains(id))
                .toList();
    }

    // ---- what the documentation says ----

    private static Set<Figure> documented() {
        Set<Figure> figures = new LinkedHashSet<>();
        ROW.matcher(documentation)
                .results()
                .forEach(row -> figures.add(new Figure(row.group(1), row.group(2), row.group(3))));
        assertThat(figures).hasSizeGreaterThan(40);
        return figures;
    }

    private static JsonObject example(String fence) {
        int begin = documentation.indexOf("```" + fence + "\n");
        assertThat(begin).as(fence).isPositive();
        begin = documentation.indexOf('\n', begin);
        return json(documentation.substring(begin, documentation.indexOf("```", begin)));
    }

    /** Keys and types, however many there are of the same kind. */
    private static Set<String> shape(JsonElement element) {
        Set<String> paths = new TreeSet<>();
        addShape("", element, paths);
        return paths;
    }

    private static void addShape(String path, JsonElement element, Set<String> paths) {
        if (element.isJsonObject()) {
            element.getAsJsonObject()
                    .entrySet()
                    .forEach(
                            entry ->
                                    addShape(path + "." + entry.getKey(), entry.getValue(), paths));
        } else if (element.isJsonArray()) {
            element.getAsJsonArray().forEach(item -> addShape(path + "[]", item, paths));
        } else if (element.isJsonPrimitive()) {
            var value = element.getAsJsonPrimitive();
            String type = value.isNumber() ? "number" : value.isBoolean() ? "flag" : "text";
            paths.add(path + ":" + type);
        } else {
            paths.add(path + ":null");
        }
    }

    /** Name of a metric as the code has it, without its module's prefix and the format's ending. */
    private static String bareName(String name) {
        if (name.startsWith("kvlink_connector_")) {
            return name.substring("kvlink_connector_".length());
        }
        String base = name.replaceFirst("_total$", "");
        return base.startsWith("kvlink_proxy_") ? base.substring("kvlink_proxy_".length()) : base;
    }

    private static String sources() throws Exception {
        StringBuilder text = new StringBuilder();
        for (String module : List.of("..", "../../proxy-demo", "../../connector-p2p-nccl")) {
            try (Stream<Path> files = Files.walk(Path.of(module, "src/main/java"))) {
                for (Path file : files.filter(path -> path.toString().endsWith(".java")).toList()) {
                    text.append(Files.readString(file));
                }
            }
        }
        return text.toString();
    }
}
