// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonParser;
import io.kvlink.spi.TransferRoute;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ExchangeTest {

    private static final FakeInstance.Script PREFILLED =
            talk -> talk.answer(200, "application/json", "{\"prefilled\":true}");
    private static final FakeInstance.Script ANSWERED =
            talk -> talk.answer(200, "application/json", "{\"answer\":true}");

    @ParameterizedTest
    @ValueSource(strings = {"concurrent", "serial"})
    void shouldSendBothSidesOneIdAndEachItsBody(String dispatch) throws Exception {
        try (Rig rig = new Rig(Map.of("dispatch", dispatch))) {
            FakeInstance prefill = rig.prefill(PREFILLED);
            FakeInstance decode = rig.decode(ANSWERED);
            String body = "{\"prompt\":\"a\", \"max_tokens\":7,\"min_tokens\":2, \"x\":1.50}";

            HttpResponse<String> response =
                    rig.post(
                            "/v1/chat/completions?a=b",
                            body,
                            "Authorization",
                            "Bearer k",
                            "Content-Type",
                            "application/json",
                            "X-Request-Id",
                            "___prefill_addr_evil:1___decode_addr_evil:2_" + "0".repeat(32));

            assertThat(response.statusCode()).isEqualTo(200);
            assertThat(response.body()).isEqualTo("{\"answer\":true}");
            FakeInstance.Talk atPrefill = prefill.next();
            FakeInstance.Talk atDecode = decode.next();
            for (FakeInstance.Talk talk : List.of(atPrefill, atDecode)) {
                assertThat(talk.requestLine()).isEqualTo("POST /v1/chat/completions?a=b HTTP/1.1");
                assertThat(talk.header("Authorization")).isEqualTo("Bearer k");
                assertThat(talk.header("Content-Type")).isEqualTo("application/json");
            }
            assertThat(atDecode.body()).isEqualTo(body);
            assertThat(atPrefill.body())
                    .isEqualTo(
                            "{\"prompt\":\"a\", \"max_tokens\":1,\"min_tokens\":1, \"x\":1.50,"
                                    + "\"stream\":false}");
            String id = atPrefill.header("X-Request-Id");
            assertThat(atDecode.header("X-Request-Id")).isEqualTo(id);
            assertThat(id)
                    .matches(
                            "___prefill_addr_127\\.0\\.0\\.1:21000"
                                    + "___decode_addr_127\\.0\\.0\\.1:21001_[0-9a-f]{32}");
            TransferRoute route = TransferRoute.find(id, 0).orElseThrow();
            assertThat(response.headers().firstValue("X-Request-Id")).hasValue(route.id().hex());
        }
    }

    @Test
    void shouldDispatchBothAtOnce() throws Exception {
        CountDownLatch both = new CountDownLatch(2);
        FakeInstance.Script meet =
                talk -> {
                    both.countDown();
                    boolean met = both.await(20, TimeUnit.SECONDS);
                    talk.answer(met ? 200 : 500, "text/plain", "met");
                };
        try (Rig rig = new Rig()) {
            rig.prefill(meet);
            rig.decode(meet);
            assertThat(rig.complete().statusCode()).isEqualTo(200);
        }
    }

    @Test
    void shouldDispatchOneAfterTheOtherIfAskedTo() throws Exception {
        CountDownLatch prefilled = new CountDownLatch(1);
        try (Rig rig = new Rig(Map.of("dispatch", "serial"))) {
            FakeInstance prefill =
                    rig.prefill(
                            talk -> {
                                boolean go = prefilled.await(20, TimeUnit.SECONDS);
                                talk.answer(go ? 200 : 500, "text/plain", "p");
                            });
            FakeInstance decode = rig.decode(ANSWERED);
            CompletableFuture<HttpResponse<String>> response = rig.later("{\"prompt\":\"a\"}");
            prefill.next();
            assertThat(decode.seen()).isEmpty();
            prefilled.countDown();
            assertThat(response.get(20, TimeUnit.SECONDS).statusCode()).isEqualTo(200);
            assertThat(decode.seen()).hasSize(1);
        }
    }

    @ParameterizedTest
    @CsvSource({"200,text/plain", "400,application/json", "429,text/plain", "503,text/html"})
    void shouldPassStatusTypeAndBodyThrough(int status, String type) throws Exception {
        try (Rig rig = new Rig()) {
            rig.prefill(PREFILLED);
            rig.decode(talk -> talk.answer(status, type, "body é"));
            HttpResponse<String> response = rig.complete();
            assertThat(response.statusCode()).isEqualTo(status);
            assertThat(response.headers().firstValue("Content-Type")).hasValue(type);
            assertThat(response.body()).isEqualTo("body é");
        }
    }

    @Test
    void shouldPassEachPieceOnWhileTheNextIsHeldBack() throws Exception {
        CountDownLatch firstSeen = new CountDownLatch(1);
        try (Rig rig = new Rig()) {
            rig.prefill(PREFILLED);
            rig.decode(
                    talk -> {
                        talk.head("text/event-stream");
                        talk.chunk("data: one\n\n");
                        talk.chunk(firstSeen.await(20, TimeUnit.SECONDS) ? "data: two\n\n" : "?");
                        talk.end();
                    });
            try (Socket client = rig.rawClient()) {
                String head = Rig.readUntil(client, "data: one\n\n");
                assertThat(head).startsWith("HTTP/1.1 200").contains("text/event-stream");
                firstSeen.countDown();
                assertThat(Rig.readUntil(client, "0\r\n\r\n")).contains("data: two\n\n");
            }
        }
    }

    @Test
    void shouldHoldTheInstanceBackWhileTheClientReadsNothing() throws Exception {
        CompletableFuture<Integer> written = new CompletableFuture<>();
        int piece = 1 << 16;
        int pieces = 512;
        CountDownLatch stuck = new CountDownLatch(1);
        try (Rig rig = new Rig()) {
            rig.prefill(PREFILLED);
            FakeInstance decode =
                    rig.decode(
                            talk -> {
                                talk.socket().setSoTimeout(20_000);
                                talk.head("text/plain");
                                String text = "x".repeat(piece);
                                for (int i = 0; i < pieces; i++) {
                                    talk.chunk(text);
                                    if (i == 8) {
                                        stuck.countDown();
                                    }
                                }
                                talk.end();
                                written.complete(pieces);
                            });
            try (Socket client = rig.rawClient()) {
                decode.next();
                assertThat(stuck.await(20, TimeUnit.SECONDS)).isTrue();
                // 32 MiB fit into no socket's buffers: without back-pressure this completes at
                // once.
                assertThat(written)
                        .failsWithin(Duration.ofSeconds(3))
                        .withThrowableOfType(TimeoutException.class);
                byte[] buffer = new byte[1 << 20];
                long total = 0;
                while (total < (long) piece * pieces) {
                    int n = client.getInputStream().read(buffer);
                    assertThat(n).isPositive();
                    total += n;
                }
                assertThat(written.get(20, TimeUnit.SECONDS)).isEqualTo(pieces);
            }
        }
    }

    @Test
    void shouldCancelBothWhenTheClientLeaves() throws Exception {
        CompletableFuture<Boolean> prefillSaw = new CompletableFuture<>();
        CompletableFuture<Boolean> decodeSaw = new CompletableFuture<>();
        try (Rig rig = new Rig()) {
            FakeInstance prefill = rig.prefill(talk -> prefillSaw.complete(talk.sawDisconnect()));
            FakeInstance decode = rig.decode(talk -> decodeSaw.complete(talk.sawDisconnect()));
            try (Socket client = rig.rawClient()) {
                prefill.next();
                decode.next();
                assertThat(client.isConnected()).isTrue();
            }
            assertThat(prefillSaw.get(20, TimeUnit.SECONDS)).isTrue();
            assertThat(decodeSaw.get(20, TimeUnit.SECONDS)).isTrue();
            assertThat(rig.metric("kvlink_proxy_client_disconnects_total")).isEqualTo(1);
            awaitNoneInFlight(rig);
        }
    }

    // The instances see that their calls are over before the proxy has counted the request's end.
    private static void awaitNoneInFlight(Rig rig) throws Exception {
        long deadlineNs = System.nanoTime() + Rig.DEADLINE.toNanos();
        while (rig.metric("kvlink_proxy_requests_in_flight") > 0) {
            assertThat(deadlineNs - System.nanoTime()).as("nanoseconds left").isPositive();
        }
    }

    @Test
    void shouldCancelTheStreamWhenTheClientLeavesMidway() throws Exception {
        CompletableFuture<Boolean> decodeSaw = new CompletableFuture<>();
        try (Rig rig = new Rig()) {
            rig.prefill(PREFILLED);
            rig.decode(
                    talk -> {
                        talk.head("text/event-stream");
                        talk.chunk("data: one\n\n");
                        decodeSaw.complete(talk.sawDisconnect());
                    });
            try (Socket client = rig.rawClient()) {
                Rig.readUntil(client, "one");
            }
            assertThat(decodeSaw.get(20, TimeUnit.SECONDS)).isTrue();
        }
    }

    @Test
    void shouldTryADecodeOfTheSamePrefillFirst() throws Exception {
        try (Rig rig = new Rig()) {
            register(rig, "P", "One/1", PREFILLED);
            register(rig, "D", "One/1", talk -> talk.answer(429, "text/plain", "full"));
            register(rig, "D", "Two/1", talk -> talk.answer(200, "text/plain", "alone"));
            register(rig, "D", "One/1", talk -> talk.answer(200, "text/plain", "paired"));
            for (int request = 0; request < 6; request++) {
                assertThat(rig.complete().body()).isEqualTo("paired");
            }
        }
    }

    private static void register(Rig rig, String type, String protocol, FakeInstance.Script script)
            throws Exception {
        FakeInstance instance = rig.keep(new FakeInstance(script));
        rig.register(type, instance.address(), Map.of("kv_protocol", protocol));
    }

    @Test
    void shouldTryAnotherPrefillUnderANewId() throws Exception {
        Set<String> ids = new HashSet<>();
        CompletableFuture<Boolean> firstDecodeSaw = new CompletableFuture<>();
        CountDownLatch retried = new CountDownLatch(1);
        try (Rig rig = new Rig()) {
            FakeInstance bad = rig.prefill(talk -> talk.answer(500, "text/plain", "broken"));
            FakeInstance good =
                    rig.prefill(
                            talk -> {
                                retried.countDown();
                                talk.answer(200, "text/plain", "p");
                            });
            FakeInstance decode =
                    rig.decode(
                            talk -> {
                                if (talk.header("X-Request-Id").contains(":21000___")) {
                                    firstDecodeSaw.complete(talk.sawDisconnect());
                                } else {
                                    talk.answer(200, "text/plain", "done");
                                }
                            });
            HttpResponse<String> response = rig.complete();
            assertThat(response.statusCode()).isEqualTo(200);
            assertThat(response.body()).isEqualTo("done");
            assertThat(retried.await(20, TimeUnit.SECONDS)).isTrue();
            ids.add(bad.next().header("X-Request-Id"));
            ids.add(good.next().header("X-Request-Id"));
            assertThat(ids).hasSize(2);
            assertThat(decode.seen()).isNotEmpty();
            assertThat(rig.metric("kvlink_proxy_prefill_retries_total")).isEqualTo(1);
            assertThat(
                            rig.metric(
                                    "kvlink_proxy_upstream_failures_total{kind=\"status\",role=\"prefill\"}"))
                    .isEqualTo(1);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"concurrent", "serial"})
    void shouldFallBackToDecodeAloneWithoutARoute(String dispatch) throws Exception {
        try (Rig rig = new Rig(Map.of("dispatch", dispatch))) {
            rig.register("P", FakeInstance.refusing());
            rig.prefill(talk -> talk.answer(503, "text/plain", "busy"));
            FakeInstance decode =
                    rig.decode(
                            talk -> {
                                if (talk.header("X-Request-Id").matches("[0-9a-f]{32}")) {
                                    talk.answer(200, "text/plain", "alone");
                                } else {
                                    talk.sawDisconnect();
                                }
                            });
            HttpResponse<String> response = rig.complete();
            assertThat(response.statusCode()).isEqualTo(200);
            assertThat(response.body()).isEqualTo("alone");
            assertThat(decode.seen()).isNotEmpty();
            assertThat(rig.metric("kvlink_proxy_decode_alone_total{reason=\"prefill_failed\"}"))
                    .isEqualTo(1);
        }
    }

    /** P's refusal is of a body that the proxy wrote; the client's own is refused by D. */
    @Test
    void shouldLetDecodeSayWhatIsWrongWithABadRequest() throws Exception {
        CompletableFuture<Boolean> decodeSaw = new CompletableFuture<>();
        CountDownLatch decodeBegan = new CountDownLatch(1);
        try (Rig rig = new Rig()) {
            rig.prefill(
                    talk -> {
                        boolean began = decodeBegan.await(20, TimeUnit.SECONDS);
                        talk.answer(began ? 400 : 500, "text/plain", "max_tokens=1");
                    });
            FakeInstance untouched = rig.prefill(PREFILLED);
            FakeInstance decode =
                    rig.decode(
                            talk -> {
                                if (talk.header("X-Request-Id").matches("[0-9a-f]{32}")) {
                                    talk.answer(400, "application/problem", "{\"why\":1}");
                                    return;
                                }
                                decodeBegan.countDown();
                                decodeSaw.complete(talk.sawDisconnect());
                            });
            HttpResponse<String> response = rig.complete();
            assertThat(response.statusCode()).isEqualTo(400);
            assertThat(response.headers().firstValue("Content-Type"))
                    .hasValue("application/problem");
            assertThat(response.body()).isEqualTo("{\"why\":1}");
            assertThat(decodeSaw.get(20, TimeUnit.SECONDS)).isTrue();
            assertThat(decode.next().body()).isEqualTo(decode.next().body());
            assertThat(untouched.seen()).isEmpty();
        }
    }

    @Test
    void shouldLetDecodeFinishIfItAnsweredBeforePrefillFailed() throws Exception {
        CountDownLatch answering = new CountDownLatch(1);
        CountDownLatch failed = new CountDownLatch(1);
        try (Rig rig = new Rig()) {
            rig.prefill(
                    talk -> {
                        boolean go = answering.await(20, TimeUnit.SECONDS);
                        talk.answer(go ? 500 : 400, "text/plain", "late");
                        talk.sawDisconnect();
                        failed.countDown();
                    });
            rig.decode(
                    talk -> {
                        talk.head("text/plain");
                        talk.chunk("one");
                        talk.chunk(failed.await(20, TimeUnit.SECONDS) ? "two" : "?");
                        talk.end();
                    });
            try (Socket client = rig.rawClient()) {
                Rig.readUntil(client, "one");
                answering.countDown();
                Rig.readUntil(client, "two");
                Rig.readUntil(client, "0\r\n\r\n");
            }
        }
    }

    @Test
    void shouldTryAnotherDecodeWithPrefillAgain() throws Exception {
        try (Rig rig = new Rig()) {
            FakeInstance prefill =
                    rig.prefill(
                            talk -> {
                                if (talk.header("X-Request-Id")
                                        .contains("decode_addr_127.0.0.1:21001")) {
                                    talk.sawDisconnect();
                                } else {
                                    talk.answer(200, "text/plain", "p");
                                }
                            });
            rig.register("D", FakeInstance.refusing());
            FakeInstance good = rig.decode(ANSWERED);
            assertThat(rig.complete().statusCode()).isEqualTo(200);
            String id = good.next().header("X-Request-Id");
            assertThat(id).contains("decode_addr_127.0.0.1:21002");
            String first = prefill.next().header("X-Request-Id");
            assertThat(first.equals(id) ? id : prefill.next().header("X-Request-Id")).isEqualTo(id);
            assertThat(rig.metric("kvlink_proxy_decode_retries_total")).isEqualTo(1);

            // Avoided from now on, though its turn comes.
            for (int i = 0; i < 4; i++) {
                assertThat(rig.complete().statusCode()).isEqualTo(200);
            }
            assertThat(rig.metric("kvlink_proxy_decode_retries_total")).isEqualTo(1);
            assertThat(rig.get("/instances").body()).contains("\"skipped\":true");
        }
    }

    @Test
    void shouldAnswer502IfNoDecodeAnswers() throws Exception {
        try (Rig rig = new Rig()) {
            rig.prefill(PREFILLED);
            rig.register("D", FakeInstance.refusing());
            HttpResponse<String> response = rig.complete();
            assertThat(response.statusCode()).isEqualTo(502);
            assertThat(error(response)).contains("gave no answer", "transfer=");
        }
    }

    @Test
    void shouldBreakOffAnAnswerThatBroke() throws Exception {
        try (Rig rig = new Rig()) {
            rig.prefill(PREFILLED);
            rig.decode(
                    talk -> {
                        talk.head("text/plain");
                        talk.chunk("one");
                    });
            try (Socket client = rig.rawClient()) {
                Rig.readUntil(client, "one");
                byte[] rest = client.getInputStream().readAllBytes();
                assertThat(new String(rest, java.nio.charset.StandardCharsets.UTF_8))
                        .doesNotContain("0\r\n\r\n");
            }
            assertThat(rig.metric("kvlink_proxy_broken_answers_total")).isEqualTo(1);
        }
    }

    @Test
    void shouldGiveUpAtTheDeadline() throws Exception {
        CompletableFuture<Boolean> saw = new CompletableFuture<>();
        try (Rig rig = new Rig(Map.of("upstream_timeout_ms", 300))) {
            rig.prefill(PREFILLED);
            rig.decode(talk -> saw.complete(talk.sawDisconnect()));
            assertThat(rig.complete().statusCode()).isEqualTo(504);
            assertThat(saw.get(20, TimeUnit.SECONDS)).isTrue();
        }
    }

    @Test
    void shouldSayWhoIsMissing() throws Exception {
        try (Rig rig = new Rig()) {
            HttpResponse<String> nobody = rig.complete();
            assertThat(nobody.statusCode()).isEqualTo(503);
            assertThat(nobody.headers().firstValue("Retry-After")).hasValue("3");
            assertThat(error(nobody))
                    .startsWith("No prefill and no decode instance is registered")
                    .doesNotContain("127.0.0.1");
            assertThat(rig.get("/v1/models").statusCode()).isEqualTo(503);
            rig.decode(ANSWERED);
            assertThat(error(rig.complete())).startsWith("No prefill instance is registered");
        }
        try (Rig rig = new Rig()) {
            rig.prefill(PREFILLED);
            assertThat(error(rig.complete())).startsWith("No decode instance is registered");
        }
    }

    @Test
    void shouldLetDecodeServeAloneIfAllowed() throws Exception {
        try (Rig rig = new Rig(Map.of("decode_alone_without_prefill", true))) {
            FakeInstance decode = rig.decode(ANSWERED);
            assertThat(rig.complete().statusCode()).isEqualTo(200);
            assertThat(decode.next().header("X-Request-Id")).matches("[0-9a-f]{32}");
        }
    }

    @Test
    void shouldAskADecodeInstanceForTheModels() throws Exception {
        try (Rig rig = new Rig()) {
            FakeInstance decode = rig.decode(talk -> talk.answer(200, "text/plain", "models"));
            assertThat(rig.get("/v1/models").body()).isEqualTo("models");
            assertThat(decode.next().requestLine()).isEqualTo("GET /v1/models HTTP/1.1");
        }
    }

    @ParameterizedTest
    @CsvSource({"2,2", "3,3", "2,4"})
    void shouldReachEveryPair(int prefills, int decodes) throws Exception {
        try (Rig rig = new Rig()) {
            Set<String> pairs = java.util.concurrent.ConcurrentHashMap.newKeySet();
            for (int i = 0; i < prefills; i++) {
                rig.prefill(PREFILLED);
            }
            for (int i = 0; i < decodes; i++) {
                rig.decode(
                        talk -> {
                            String id = talk.header("X-Request-Id");
                            pairs.add(id.substring(0, id.length() - 32));
                            talk.answer(200, "text/plain", "d");
                        });
            }
            for (int i = 0; i < prefills * decodes; i++) {
                assertThat(rig.complete().statusCode()).isEqualTo(200);
            }
            assertThat(pairs).hasSize(prefills * decodes);
        }
    }

    @Test
    void shouldRefuseBadRequestsWithoutCallingAnybody() throws Exception {
        try (Rig rig = new Rig(Map.of("max_body_bytes", 1000))) {
            FakeInstance prefill = rig.prefill(PREFILLED);
            FakeInstance decode = rig.decode(ANSWERED);
            for (String body : List.of("{", "[]", "", "{\"a\":1}x")) {
                HttpResponse<String> response = rig.post("/v1/completions", body);
                assertThat(response.statusCode()).isEqualTo(400);
                assertThat(error(response)).isNotBlank();
            }
            HttpResponse<String> large =
                    rig.post("/v1/completions", "{\"a\":\"" + "x".repeat(5_000_000) + "\"}");
            assertThat(large.statusCode()).isEqualTo(413);
            assertThat(error(large)).contains("max_body_bytes=1000");
            assertThat(rig.get("/v1/completions").statusCode()).isEqualTo(405);
            assertThat(rig.get("/nowhere").statusCode()).isEqualTo(404);
            assertThat(Stream.of(prefill, decode).flatMap(f -> f.seen().stream())).isEmpty();
        }
    }

    private static String error(HttpResponse<String> response) {
        return JsonParser.parseString(response.body())
                .getAsJsonObject()
                .getAsJsonObject("error")
                .get("message")
                .getAsString();
    }
}
