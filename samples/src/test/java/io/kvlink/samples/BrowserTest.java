// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.kvlink.host.EmbeddedHost;
import io.kvlink.host.HostConfig;
import io.kvlink.http.CorsSettings;
import io.kvlink.proxy.ProxyServer;
import io.kvlink.spi.Settings;
import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URLEncoder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A page of another origin in headless Chromium fetches a streamed chat: from a worker's port, and
 * through the proxy. Skipped where there is no Chromium.
 */
@Timeout(value = 300, unit = TimeUnit.SECONDS)
class BrowserTest {

    private static final Duration LIMIT = Duration.ofMinutes(2);
    private static final List<String> NAMES =
            List.of("chromium", "chromium-browser", "google-chrome");

    /** Asks whom its address names, and tells its own server what a page can see of the answers. */
    private static final String PAGE =
            """
            <!doctype html><title>asking</title><script>
            async function ask(base) {
              try {
                const chat = await fetch(base + '/v1/chat/completions', {
                  method: 'POST',
                  headers: {'content-type': 'application/json', 'authorization': 'Bearer k',
                            'x-request-id': 'page-1'},
                  body: JSON.stringify({model: 'base_model', stream: true, max_tokens: 8,
                                        temperature: 0,
                                        messages: [{role: 'user', content: 'Once upon a time'}]})});
                const reader = chat.body.getReader();
                let text = '';
                for (;;) {
                  const {done, value} = await reader.read();
                  if (done) break;
                  text += new TextDecoder().decode(value);
                }
                const wrong = await fetch(base + '/v1/completions', {method: 'POST', body: '{'});
                const missing = await fetch(base + '/v1/models/nobody');
                return {status: chat.status, id: chat.headers.get('x-request-id'), text,
                        wrong: wrong.status, type: (await wrong.json()).error.type,
                        missing: missing.status};
              } catch (failure) {
                return {blocked: String(failure)};
              }
            }
            ask(decodeURIComponent(location.search.slice(1))).then(
              seen => fetch('/seen', {method: 'POST', body: JSON.stringify(seen)}));
            </script>
            """;

    @TempDir private Path dir;
    private HttpServer pages;
    private volatile CompletableFuture<String> seen = new CompletableFuture<>();

    @BeforeEach
    void servePages() throws IOException {
        pages = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        pages.createContext("/", exchange -> reply(exchange, PAGE));
        pages.createContext(
                "/seen",
                exchange -> {
                    seen.complete(new String(exchange.getRequestBody().readAllBytes(), UTF_8));
                    reply(exchange, "");
                });
        pages.start();
    }

    private static void reply(HttpExchange exchange, String html) throws IOException {
        try (exchange) {
            byte[] body = html.getBytes(UTF_8);
            exchange.getResponseHeaders().set("Content-Type", "text/html; charset=utf-8");
            exchange.sendResponseHeaders(200, body.length == 0 ? -1 : body.length);
            exchange.getResponseBody().write(body);
        }
    }

    @AfterEach
    void stopPages() {
        pages.stop(0);
    }

    private String origin() {
        return "http://127.0.0.1:" + pages.getAddress().getPort();
    }

    @Test
    void shouldLetAPageReadAStreamedChatIfItsOriginIsAllowed() throws Exception {
        try (ProxyServer proxy = proxy(Map.of("cors_allowed_origins", origin()));
                EmbeddedHost host = decode(proxy, CorsSettings.of(origin(), "", ""))) {
            assertThat(proxy.awaitInstances(0, 1, LIMIT)).isTrue();
            for (String base : List.of(url(host.port()), url(proxy.ports().http()))) {
                JsonObject answer = visit(origin(), base);
                assertThat(answer.has("blocked")).as("%s: %s", base, answer).isFalse();
                assertThat(answer.get("status").getAsInt()).isEqualTo(200);
                assertThat(answer.get("id").getAsString()).isEqualTo("page-1");
                String text = answer.get("text").getAsString();
                assertThat(text.split("\n\n", -1)).hasSizeGreaterThan(8);
                assertThat(text).contains("chat.completion.chunk").endsWith("data: [DONE]\n\n");
                assertThat(answer.get("wrong").getAsInt()).isEqualTo(400);
                assertThat(answer.get("type").getAsString()).isEqualTo("invalid_request_error");
                assertThat(answer.get("missing").getAsInt()).isEqualTo(404);
                // The same page by another name is of another origin.
                assertThat(visit(origin().replace("127.0.0.1", "localhost"), base).has("blocked"))
                        .isTrue();
            }
        }
    }

    @Test
    void shouldBlockAPageUnlessOriginsAreAllowed() throws Exception {
        try (ProxyServer proxy = proxy(Map.of());
                EmbeddedHost host = decode(proxy, CorsSettings.NONE)) {
            assertThat(proxy.awaitInstances(0, 1, LIMIT)).isTrue();
            for (String base : List.of(url(host.port()), url(proxy.ports().http()))) {
                assertThat(visit(origin(), base).get("blocked").getAsString())
                        .as(base)
                        .contains("Failed to fetch");
            }
        }
    }

    private static String url(int port) {
        return "http://127.0.0.1:" + port;
    }

    private static ProxyServer proxy(Map<String, Object> more) {
        Map<String, Object> settings = new HashMap<>(more);
        settings.put("port", 0);
        settings.put("discovery_port", 0);
        settings.put("decode_alone_without_prefill", true);
        return ProxyServer.start(Settings.of("proxy", settings));
    }

    private static EmbeddedHost decode(ProxyServer proxy, CorsSettings cors) {
        String transfer =
                """
                {"kv_connector": "P2pNcclConnector", "kv_role": "kv_consumer", "kv_port": 0,
                 "kv_connector_extra_config": {"proxy_ip": "127.0.0.1", "proxy_port": "%d",
                                               "http_port": "${http_port}"}}"""
                        .formatted(proxy.ports().discovery());
        return EmbeddedHost.start(
                new HostConfig(
                        Path.of("configs/aggregated"),
                        "127.0.0.1",
                        0,
                        Map.of("kv_transfer_config", transfer),
                        Optional.empty(),
                        cors),
                BrowserTest.class.getClassLoader());
    }

    /** A server's answers as a page of the origin sees them. */
    private JsonObject visit(String origin, String base) throws Exception {
        Optional<Path> chromium = chromium();
        assumeTrue(chromium.isPresent(), "none of " + NAMES + " is on the PATH");
        seen = new CompletableFuture<>();
        Path profile = Files.createTempDirectory(dir, "profile");
        ProcessBuilder start =
                new ProcessBuilder(
                                chromium.orElseThrow().toString(),
                                "--headless=new",
                                "--no-sandbox",
                                "--disable-gpu",
                                "--disable-dev-shm-usage",
                                "--no-first-run",
                                "--no-proxy-server",
                                "--remote-debugging-port=0",
                                "--user-data-dir=" + profile,
                                origin + "/?" + URLEncoder.encode(base, UTF_8))
                        .redirectErrorStream(true)
                        .redirectOutput(dir.resolve("chromium.log").toFile());
        // What it leaves behind when it is killed goes with the test.
        start.environment().put("TMPDIR", dir.toString());
        Process browser = start.start();
        try {
            String told = seen.get(LIMIT.toSeconds(), TimeUnit.SECONDS);
            return JsonParser.parseString(told).getAsJsonObject();
        } finally {
            end(browser);
        }
    }

    /** Ends the browser with its helpers, which write into its profile as long as they live. */
    private static void end(Process browser) throws Exception {
        List<ProcessHandle> all =
                Stream.concat(browser.descendants(), Stream.of(browser.toHandle())).toList();
        all.forEach(ProcessHandle::destroyForcibly);
        for (ProcessHandle process : all) {
            process.onExit().get(LIMIT.toSeconds(), TimeUnit.SECONDS);
        }
    }

    private static Optional<Path> chromium() {
        String path = System.getenv().getOrDefault("PATH", "");
        return Arrays.stream(path.split(File.pathSeparator, 0))
                .flatMap(folder -> NAMES.stream().map(name -> Path.of(folder, name)))
                .filter(Files::isExecutable)
                .findFirst();
    }
}
