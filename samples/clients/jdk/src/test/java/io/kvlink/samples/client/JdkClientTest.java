// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.kvlink.proxy.ProxyServer;
import io.kvlink.samples.FullModel;
import io.kvlink.samples.ProgramRun;
import io.kvlink.samples.ServedModel;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The JDK's HTTP client, unchanged, against a worker and through the proxy. It asks a cleartext
 * server for HTTP/2 with every first request of a connection.
 */
class JdkClientTest {

    private static final Path SAMPLES = Path.of("../..");
    private static final String QUESTION =
            "Facts: Leo is in the attic. Mia is on the hill. Question: Where is Leo? Answer:";
    private static final String ANSWER = " Leo is in the attic.";
    private static final Duration MINUTE = Duration.ofMinutes(1);

    private static ServedModel served;

    private final HttpClient client = HttpClient.newHttpClient();

    @BeforeAll
    static void start(@TempDir Path logs) throws InterruptedException {
        served = ServedModel.start(SAMPLES, logs);
    }

    @AfterAll
    static void stop() {
        served.close();
    }

    static Stream<String> addresses() {
        return Stream.of(served.workerUrl(), served.proxyUrl());
    }

    @AfterEach
    void rest() throws Exception {
        served.assertAtRest();
    }

    @ParameterizedTest
    @MethodSource("addresses")
    void shouldRunTheExample(String address) throws Exception {
        assertThat(ProgramRun.ofExample(JdkClient.class, address + "/v1"))
                .contains("models: {\"object\":\"list\"", "completion: {\"id\":\"cmpl-")
                .contains("event: {\"id\":\"chatcmpl-", "\"content\":\" attic\"", "at once: 200")
                .contains("error: 404", "model_not_found");
    }

    @ParameterizedTest
    @MethodSource("addresses")
    void shouldAnswerInHttp11WhatAsksForAnUpgrade(String address) throws Exception {
        for (int i = 0; i < 3; i++) {
            HttpResponse<String> answer = ask(address, BodyPublishers.ofString(question(8, false)));
            assertThat(answer.version()).isEqualTo(HttpClient.Version.HTTP_1_1);
            assertThat(text(answer)).startsWith(ANSWER);
        }
    }

    @ParameterizedTest
    @MethodSource("addresses")
    void shouldTakeBodiesInChunksAndOnExpectation(String address) throws Exception {
        BodyPublisher whole = BodyPublishers.ofString(question(8, false));
        assertThat(text(ask(address, BodyPublishers.fromPublisher(whole)))).startsWith(ANSWER);
        HttpRequest expecting =
                completion(address).expectContinue(true).POST(whole).timeout(MINUTE).build();
        assertThat(text(client.send(expecting, BodyHandlers.ofString()))).startsWith(ANSWER);
    }

    @ParameterizedTest
    @MethodSource("addresses")
    void shouldStreamTokenByToken(String address) throws Exception {
        HttpRequest request =
                completion(address).POST(BodyPublishers.ofString(question(8, true))).build();
        HttpResponse<Stream<String>> response =
                client.sendAsync(request, BodyHandlers.ofLines()).get(60, TimeUnit.SECONDS);
        List<String> events;
        try (Stream<String> lines = response.body()) {
            events = lines.filter(line -> !line.isEmpty()).toList();
        }
        assertThat(response.headers().firstValue("Content-Type"))
                .hasValueSatisfying(type -> assertThat(type).startsWith("text/event-stream"));
        // A token each, the reason for the end, and the end.
        assertThat(events).hasSize(10).endsWith("data: [DONE]");
    }

    /** A head says how long the body would be, and a second request finds the connection clean. */
    @ParameterizedTest
    @MethodSource("addresses")
    void shouldAnswerOtherMethodsOnOneConnection(String address) throws Exception {
        for (String method : List.of("HEAD", "GET", "OPTIONS", "GET", "DELETE", "GET")) {
            HttpRequest request =
                    HttpRequest.newBuilder(URI.create(address + "/v1/models"))
                            .method(method, BodyPublishers.noBody())
                            .timeout(MINUTE)
                            .build();
            HttpResponse<String> response = client.send(request, BodyHandlers.ofString());
            if (method.equals("GET")) {
                assertThat(response.body()).contains("base_model");
            } else {
                assertThat(response.statusCode()).isBetween(200, 405);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("addresses")
    void shouldRefuseInWordsWhatIsTooLarge(String address) throws Exception {
        String prompt = "a ".repeat(40_000_000);
        HttpResponse<String> refused =
                ask(address, BodyPublishers.ofString("{\"prompt\": \"" + prompt + "\"}"));
        assertThat(refused.statusCode()).isEqualTo(413);
        assertThat(error(refused).get("message").getAsString()).isNotEmpty();
        HttpResponse<String> tooLong =
                ask(
                        address,
                        BodyPublishers.ofString(
                                "{\"prompt\": \"" + prompt.substring(0, 1_000_000) + "\"}"));
        assertThat(tooLong.statusCode()).isEqualTo(400);
        assertThat(error(tooLong).get("code").getAsString()).isEqualTo("context_length_exceeded");
    }

    /** A refused expectation is answered, too: this client of Java 17 waits for it in vain else. */
    @ParameterizedTest
    @MethodSource("addresses")
    void shouldRefuseWhatIsTooLargeOnExpectation(String address) throws Exception {
        HttpRequest request =
                completion(address)
                        .expectContinue(true)
                        .POST(BodyPublishers.ofByteArray(new byte[68_000_000]))
                        .build();
        HttpResponse<String> refused =
                client.sendAsync(request, BodyHandlers.ofString()).get(60, TimeUnit.SECONDS);
        assertThat(refused.statusCode()).isEqualTo(413);
    }

    @ParameterizedTest
    @MethodSource("addresses")
    void shouldTellErrorsByStatusAndCode(String address) throws Exception {
        HttpResponse<String> model =
                ask(address, BodyPublishers.ofString("{\"model\": \"no\", \"prompt\": \"a\"}"));
        assertThat(model.statusCode()).isEqualTo(404);
        assertThat(error(model).get("code").getAsString()).isEqualTo("model_not_found");
        HttpResponse<String> json = ask(address, BodyPublishers.ofString("{\"model\""));
        assertThat(json.statusCode()).isEqualTo(400);
        HttpResponse<String> nothing = ask(address, BodyPublishers.noBody());
        assertThat(nothing.statusCode()).isEqualTo(400);
        assertThat(error(nothing).get("type").getAsString()).isEqualTo("invalid_request_error");
    }

    @ParameterizedTest
    @MethodSource("addresses")
    void shouldFreeWhatAClosedStreamHeld(String address) throws Exception {
        long before = served.cancelled(address);
        HttpRequest request =
                completion(address).POST(BodyPublishers.ofString(question(900, true))).build();
        try (Stream<String> lines = client.send(request, BodyHandlers.ofLines()).body()) {
            assertThat(lines.limit(3)).hasSize(3);
        }
        served.awaitCancelled(address, before + 1);
        try (InputStream bytes = client.send(request, BodyHandlers.ofInputStream()).body()) {
            assertThat(bytes.readNBytes(10)).hasSize(10);
        }
        served.awaitCancelled(address, before + 2);
    }

    @ParameterizedTest
    @MethodSource("addresses")
    void shouldFreeWhatACancelledFutureHeld(String address) throws Exception {
        long before = served.cancelled(address);
        HttpRequest request =
                completion(address).POST(BodyPublishers.ofString(question(900, false))).build();
        CompletableFuture<HttpResponse<String>> answer =
                client.sendAsync(request, BodyHandlers.ofString());
        served.awaitRunning(address);
        assertThat(answer.cancel(true)).isTrue();
        served.awaitCancelled(address, before + 1);
    }

    @ParameterizedTest
    @MethodSource("addresses")
    void shouldFreeWhatTheClientNoLongerWaitsFor(String address) throws Exception {
        long before = served.cancelled(address);
        HttpRequest request =
                completion(address)
                        .timeout(Duration.ofSeconds(1))
                        .POST(BodyPublishers.ofString(question(900, false)))
                        .build();
        assertThatThrownBy(() -> client.send(request, BodyHandlers.ofString()))
                .isInstanceOf(HttpTimeoutException.class);
        served.awaitCancelled(address, before + 1);
    }

    @ParameterizedTest
    @MethodSource("addresses")
    void shouldAnswerManyAtOnceAndAfterEachOther(String address) throws Exception {
        for (int round = 0; round < 2; round++) {
            List<CompletableFuture<HttpResponse<String>>> answers =
                    IntStream.range(0, 32)
                            .mapToObj(i -> BodyPublishers.ofString(question(4, false)))
                            .map(body -> completion(address).POST(body).build())
                            .map(request -> client.sendAsync(request, BodyHandlers.ofString()))
                            .toList();
            for (CompletableFuture<HttpResponse<String>> answer : answers) {
                assertThat(text(answer.get(60, TimeUnit.SECONDS))).isEqualTo(" Leo is in the");
            }
        }
    }

    @Test
    void shouldSayWhenToComeBack() throws Exception {
        try (FullModel full = FullModel.start(SAMPLES);
                ProxyServer lonely = ServedModel.lonelyProxy()) {
            BodyPublisher body =
                    BodyPublishers.ofString(
                            "{\"model\": \"%s\", \"prompt\": \"a\"}".formatted(FullModel.NAME));
            HttpResponse<String> busy = ask(full.url(), body);
            assertThat(busy.statusCode()).isEqualTo(429);
            assertThat(busy.headers().firstValue("Retry-After")).hasValue("1");
            HttpResponse<String> alone = ask("http://" + lonely.http(), body);
            assertThat(alone.statusCode()).isEqualTo(503);
            assertThat(alone.headers().firstValue("Retry-After")).hasValue("3");
        }
    }

    /** HTTP/2 without asking for it isn't spoken here; whoever does so is told, or hung up on. */
    @ParameterizedTest
    @MethodSource("addresses")
    void shouldNotLetHttp2WithoutUpgradeHang(String address) throws Exception {
        URI server = URI.create(address);
        try (Socket socket = new Socket(server.getHost(), server.getPort())) {
            socket.setSoTimeout((int) MINUTE.toMillis());
            socket.getOutputStream()
                    .write(
                            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
                                    .getBytes(StandardCharsets.ISO_8859_1));
            String answer =
                    new String(socket.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
            assertThat(answer).startsWith("HTTP/1.1 ").doesNotContain("HTTP/1.1 200");
        }
    }

    private HttpResponse<String> ask(String address, BodyPublisher body)
            throws IOException, InterruptedException {
        return client.send(
                completion(address).timeout(MINUTE).POST(body).build(), BodyHandlers.ofString());
    }

    private static HttpRequest.Builder completion(String address) {
        return HttpRequest.newBuilder(URI.create(address + "/v1/completions"));
    }

    private static String question(int tokens, boolean stream) {
        return """
        {"model": "base_model", "prompt": "%s", "max_tokens": %d, "temperature": 0,
         "ignore_eos": true, "stream": %b}"""
                .formatted(QUESTION, tokens, stream);
    }

    private static String text(HttpResponse<String> response) {
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return JsonParser.parseString(response.body())
                .getAsJsonObject()
                .getAsJsonArray("choices")
                .get(0)
                .getAsJsonObject()
                .get("text")
                .getAsString();
    }

    private static JsonObject error(HttpResponse<String> response) {
        return JsonParser.parseString(response.body()).getAsJsonObject().getAsJsonObject("error");
    }
}
