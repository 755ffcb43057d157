// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import static io.kvlink.djl.http.TestServer.json;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import io.kvlink.djl.generation.GenerationException.Kind;
import io.kvlink.djl.generation.GenerationResult.FinishReason;
import io.kvlink.djl.http.FakeGenerator.Submitted;
import io.kvlink.http.CorsSettings;
import io.kvlink.http.FairTasks;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Questions of clients beside completions, and who may read the answers. */
class HttpEdgeTest {

    private static final String PAGE = "http://page.example";
    private static final String HEX = "0123456789abcdef".repeat(2);
    private static final String ROUTE =
            "___prefill_addr_10.0.0.1:14579___decode_addr_10.0.0.2:14580_" + HEX;

    private final FakeGenerator model = new FakeGenerator("org/m");

    @RegisterExtension
    final TestServer server = new TestServer(CorsSettings.of(PAGE, "", ""), model);

    private HttpResponse<String> send(String method, String path, String... headers)
            throws Exception {
        HttpRequest.Builder request =
                server.request(path).method(method, HttpRequest.BodyPublishers.noBody());
        if (headers.length > 0) {
            request.headers(headers);
        }
        return TestServer.await(server.send(request));
    }

    private static String header(HttpResponse<?> response, String name) {
        return response.headers().firstValue(name).orElse("");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    /v1/completions       | POST, OPTIONS
                    /v1/chat/completions/ | POST, OPTIONS
                    //v1/models           | GET, HEAD, OPTIONS
                    /v1/models/org/m      | GET, HEAD, OPTIONS
                    /health               | GET, HEAD, OPTIONS
                    /metrics              | GET, HEAD, OPTIONS
                    """)
    void shouldSayWhichMethodsThereAre(String path, String allowed) throws Exception {
        HttpResponse<String> plain = send("OPTIONS", path);
        assertThat(plain.statusCode()).isEqualTo(204);
        assertThat(header(plain, "allow")).isEqualTo(allowed);
        assertThat(plain.body()).isEmpty();
        HttpResponse<String> wrong = send("DELETE", path);
        assertThat(wrong.statusCode()).isEqualTo(405);
        assertThat(header(wrong, "allow")).isEqualTo(allowed);
        assertThat(json(wrong).getAsJsonObject("error").get("code").getAsString())
                .isEqualTo("method_not_allowed");
        HttpResponse<String> preflight =
                send(
                        "OPTIONS",
                        path,
                        "Origin",
                        PAGE,
                        "Access-Control-Request-Method",
                        "POST",
                        "Access-Control-Request-Headers",
                        "authorization,content-type");
        assertThat(preflight.statusCode()).isEqualTo(204);
        assertThat(header(preflight, "access-control-allow-origin")).isEqualTo(PAGE);
        assertThat(header(preflight, "access-control-allow-headers"))
                .isEqualTo("authorization,content-type");
    }

    /** DJL Serving closes by a reset, which would take the answer's end from a slow reader. */
    @Test
    void shouldLeaveAnAnswerToWhoReadsItSlowly() throws Exception {
        String text = "x".repeat(500_000);
        try (Socket socket = new Socket()) {
            socket.setReceiveBufferSize(4096);
            socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), server.port()));
            String body = "{\"prompt\":\"a\"}";
            write(
                    socket,
                    "POST /v1/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                            + "Content-Length: %d\r\n\r\n%s".formatted(body.length(), body));
            model.next().text(text).finish(FinishReason.STOP, 1);
            assertThat(all(socket)).contains(text).endsWith("}");
        }
    }

    @Test
    void shouldAnswerForTheServerAndNotForOtherPaths() throws Exception {
        try (Socket socket = server.connect()) {
            write(socket, "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            assertThat(all(socket))
                    .startsWith("HTTP/1.1 204 ")
                    .containsIgnoringCase("allow: GET, HEAD, POST, OPTIONS");
        }
        try (Socket socket = server.connect()) {
            write(socket, "GET * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            assertThat(all(socket)).startsWith("HTTP/1.1 404 ");
        }
        for (String path : List.of("/v2/completions", "/v1/%2563ompletions", "/health%3Fa")) {
            HttpResponse<String> unknown = send("OPTIONS", path);
            assertThat(unknown.statusCode()).as(path).isEqualTo(404);
            assertThat(unknown.body()).contains("no such path");
        }
    }

    @Test
    void shouldLetAPageReadEveryKindOfAnswer() throws Exception {
        List<HttpResponse<String>> answers =
                List.of(
                        send("GET", "/v1/models", "Origin", PAGE),
                        send("GET", "/nowhere", "Origin", PAGE),
                        send("GET", "/v1/models/none", "Origin", PAGE),
                        send("PUT", "/v1/models", "Origin", PAGE),
                        TestServer.await(server.complete("{", "Origin", PAGE)));
        assertThat(answers)
                .extracting(HttpResponse::statusCode)
                .containsExactly(200, 404, 404, 405, 400);
        for (HttpResponse<String> answer : answers) {
            assertThat(header(answer, "access-control-allow-origin")).isEqualTo(PAGE);
            assertThat(header(answer, "vary")).isEqualTo("origin");
            assertThat(header(answer, "access-control-expose-headers"))
                    .contains("X-Request-Id", "Retry-After");
        }
        CompletableFuture<HttpResponse<String>> stream =
                server.complete("{\"prompt\":\"a\",\"stream\":true}", "Origin", PAGE);
        model.next().text("A").finish(FinishReason.STOP, 1);
        assertThat(header(TestServer.await(stream), "access-control-allow-origin")).isEqualTo(PAGE);
        HttpResponse<String> stranger = send("GET", "/v1/models", "Origin", "http://other");
        assertThat(stranger.statusCode()).isEqualTo(200);
        assertThat(header(stranger, "access-control-allow-origin")).isEmpty();
        assertThat(header(stranger, "vary")).isEqualTo("origin");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/v1/models",
                "/v1/models/org/m",
                "/v1/models/org%2Fm",
                "/health",
                "/health/live",
                "/health/ready",
                "/metrics",
                "/kvlink/status"
            })
    void shouldAnswerHeadAsGetWithoutABody(String path) throws Exception {
        HttpResponse<String> get = server.get(path);
        HttpResponse<String> head = send("HEAD", path);
        assertThat(head.statusCode()).isEqualTo(get.statusCode()).isEqualTo(200);
        assertThat(head.body()).isEmpty();
        for (String name : List.of("content-length", "content-type")) {
            assertThat(header(head, name)).isEqualTo(header(get, name)).isNotEmpty();
        }
    }

    @Test
    void shouldGoOnAfterAHeadOnTheSameConnection() throws Exception {
        try (Socket socket = server.connect()) {
            write(socket, "HEAD http://x/v1/models HTTP/1.1\r\nHost: x\r\n\r\n");
            write(socket, "GET http://x/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            String answers = all(socket);
            assertThat(answers.split("HTTP/1.1 200 ", -1)).hasSize(3);
            assertThat(answers).endsWith("{\"status\":\"ok\",\"reasons\":[]}");
        }
    }

    @ParameterizedTest
    @CsvSource({"431, 'Cookie: ', 9000", "400, 'no colon ', 1"})
    void shouldSayInOurWordsWhatIsNotHttp(int status, String header, int length) throws Exception {
        try (Socket socket = server.connect()) {
            write(socket, "GET /v1/models HTTP/1.1\r\n" + header + "a".repeat(length) + "\r\n\r\n");
            String answer = all(socket);
            assertThat(answer)
                    .startsWith("HTTP/1.1 " + status + " ")
                    .contains("\r\n\r\n{\"error\":{\"message\":\"the request")
                    .doesNotContain("netty", "Exception");
        }
    }

    @Test
    void shouldShowNoAddresses() throws Exception {
        CompletableFuture<HttpResponse<String>> answer =
                server.complete("{\"prompt\":\"abc\"}", "X-Request-Id", "x" + ROUTE);
        Submitted submitted = model.next();
        assertThat(submitted.request.route()).isPresent();
        submitted.finish(FinishReason.STOP, 1);
        HttpResponse<String> plain = TestServer.await(answer);
        assertThat(json(plain).get("id").getAsString()).isEqualTo("cmpl-x" + HEX);
        assertThat(header(plain, "x-request-id")).isEqualTo("x" + HEX);
        assertThat(plain.body()).doesNotContain("10.0.0");

        CompletableFuture<HttpResponse<String>> told =
                server.complete(
                        "{\"prompt\":\"abc\"}", "X-Request-Id", ROUTE, "X-KvLink-Stats", "1");
        model.next().finish(FinishReason.STOP, 1);
        JsonObject stats = json(TestServer.await(told)).getAsJsonObject("kvlink");
        assertThat(stats.get("prefill").getAsString()).isEqualTo("10.0.0.1:14579");
        assertThat(stats.get("decode").getAsString()).isEqualTo("10.0.0.2:14580");

        for (Kind kind : Kind.values()) {
            CompletableFuture<HttpResponse<String>> failed =
                    server.complete("{\"prompt\":\"abc\"}", "X-Request-Id", ROUTE);
            model.next()
                    .fail(
                            kind,
                            "request=%s-0 error=PEER_LOST(7) peer=10.0.0.1:14579 at [::1]:80, h-1:5"
                                    .formatted(ROUTE));
            assertThat(json(TestServer.await(failed)).getAsJsonObject("error").get("message"))
                    .hasToString(
                            "\"request=%s-0 error=PEER_LOST(7) peer=<instance> at <instance>, <instance>\""
                                    .formatted(HEX));
        }
    }

    @Test
    void shouldServeASmallRequestBesideLargeOnes() throws Exception {
        model.encodeGate = new CountDownLatch(1);
        String large = "{\"prompt\":\"" + "a".repeat(FairTasks.SMALL_BYTES) + "\"}";
        List<CompletableFuture<HttpResponse<String>>> waiting =
                Stream.generate(() -> server.complete(large)).limit(4).toList();
        assertThat(model.encoding.await(20, TimeUnit.SECONDS)).isTrue();
        CompletableFuture<HttpResponse<String>> small = server.complete("{\"prompt\":[1,2]}");
        model.next().finish(FinishReason.STOP, 1);
        assertThat(TestServer.await(small).statusCode()).isEqualTo(200);
        assertThat(waiting).noneMatch(CompletableFuture::isDone);
        model.encodeGate.countDown();
        for (CompletableFuture<HttpResponse<String>> answer : waiting) {
            assertThat(TestServer.await(answer).body()).contains("context_length_exceeded");
        }
    }

    @Test
    void shouldHaveOriginsOfNobodyUnlessToldTo() throws Exception {
        try (TestServer closed = new TestServer(model)) {
            HttpResponse<String> answer =
                    TestServer.await(
                            closed.send(closed.request("/v1/models").header("Origin", PAGE)));
            assertThat(answer.headers().map().keySet())
                    .noneMatch(name -> name.startsWith("access-control") || name.equals("vary"));
        }
    }

    private static void write(Socket socket, String text) throws Exception {
        socket.getOutputStream().write(text.getBytes(UTF_8));
    }

    private static String all(Socket socket) throws Exception {
        return new String(socket.getInputStream().readAllBytes(), UTF_8);
    }
}
