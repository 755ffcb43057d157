// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.proxy.body.BufferedBytes;
import java.io.IOException;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Reading of a client's body, seen from the client. */
class RequestReaderTest {

    private static final String HEAD = "POST /v1/completions HTTP/1.1\r\nHost: x\r\n";
    private static final String BODY = "{\"prompt\":\"abcdefgh\"}";
    private static final FakeInstance.Script ANSWERED =
            talk -> talk.answer(200, "text/plain", talk.body());

    private static Rig pair(Map<String, ?> settings) throws Exception {
        Rig rig = new Rig(settings);
        rig.prefill(ANSWERED);
        rig.decode(ANSWERED);
        return rig;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 1000})
    void shouldTakeABodyInChunksOfAnySize(int size) throws Exception {
        try (Rig rig = pair(Map.of());
                Socket client = rig.silentClient()) {
            write(client, HEAD + "Transfer-Encoding: chunked\r\n\r\n");
            for (int at = 0; at < BODY.length(); at += size) {
                String piece = BODY.substring(at, Math.min(BODY.length(), at + size));
                write(client, Integer.toHexString(piece.length()) + "\r\n" + piece + "\r\n");
            }
            write(client, "0\r\n\r\n");
            assertThat(Rig.readUntil(client, BODY)).startsWith("HTTP/1.1 200");
        }
    }

    @Test
    void shouldTakeABodyThatComesByteByByteAndAnotherRequestBehindIt() throws Exception {
        try (Rig rig = pair(Map.of());
                Socket client = rig.silentClient()) {
            for (int turn = 0; turn < 2; turn++) {
                String request = HEAD + "Content-Length: " + BODY.length() + "\r\n\r\n" + BODY;
                for (byte b : request.getBytes(StandardCharsets.UTF_8)) {
                    client.getOutputStream().write(b);
                }
                assertThat(Rig.readUntil(client, BODY)).startsWith("HTTP/1.1 200");
            }
        }
    }

    @Test
    void shouldAskForABodyThatTheClientHoldsBack() throws Exception {
        try (Rig rig = pair(Map.of());
                Socket client = rig.silentClient()) {
            String length = "Content-Length: " + BODY.length() + "\r\n";
            write(client, HEAD + length + "Expect: 100-continue\r\n\r\n");
            assertThat(Rig.readUntil(client, "\r\n\r\n")).startsWith("HTTP/1.1 100");
            write(client, BODY);
            assertThat(Rig.readUntil(client, BODY)).startsWith("HTTP/1.1 200");
        }
    }

    @Test
    void shouldRefuseAnotherExpectation() throws Exception {
        try (Rig rig = pair(Map.of());
                Socket client = rig.silentClient()) {
            write(client, HEAD + "Content-Length: 5\r\nExpect: wonders\r\n\r\n");
            assertThat(Rig.readUntil(client, "}}")).startsWith("HTTP/1.1 417");
            assertThat(client.getInputStream().read()).isEqualTo(-1);
        }
    }

    @Test
    void shouldRefuseByTheAnnouncedLengthBeforeAnyByteOfTheBody() throws Exception {
        try (Rig rig = pair(Map.of());
                Socket client = rig.silentClient()) {
            write(client, HEAD + "Content-Length: 1048577\r\n\r\n");
            assertThat(Rig.readUntil(client, "}}"))
                    .startsWith("HTTP/1.1 413")
                    .contains("max_body_bytes=1048576");
            assertThat(client.getInputStream().read()).isEqualTo(-1);
        }
    }

    /** The client of Java 17 would wait for ever if the refusal came alone. */
    @Test
    void shouldAskForABodyThatItRefuses() throws Exception {
        try (Rig rig = pair(Map.of());
                Socket client = rig.silentClient()) {
            write(client, HEAD + "Expect: 100-continue\r\nContent-Length: 1048577\r\n\r\n");
            assertThat(Rig.readUntil(client, "}}"))
                    .startsWith("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 413");
            assertThat(client.getInputStream().read()).isEqualTo(-1);
        }
    }

    @Test
    void shouldRefuseAChunkedBodyAtTheFirstByteTooMany() throws Exception {
        try (Rig rig = pair(Map.of("max_body_bytes", 10));
                Socket client = rig.silentClient()) {
            write(client, HEAD + "Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n");
            write(client, "1\r\nx\r\n");
            assertThat(Rig.readUntil(client, "}}")).startsWith("HTTP/1.1 413");
            assertThat(client.getInputStream().read()).isEqualTo(-1);
            assertThat(rig.proxy.parts().buffered().held()).isZero();
        }
    }

    /** A client that sends all before it reads must still be able to read. */
    @Test
    void shouldLetAClientFinishThatIsTooLarge() throws Exception {
        try (Rig rig = pair(Map.of())) {
            HttpResponse<String> large =
                    rig.post("/v1/completions", "{\"a\":\"" + "x".repeat(15 << 20) + "\"}");
            assertThat(large.statusCode()).isEqualTo(413);
            assertThat(large.body()).contains("request_too_large");
        }
    }

    @Test
    void shouldTakeABodyOfTheLimitsSize() throws Exception {
        try (Rig rig = pair(Map.of("max_body_bytes", BODY.length()))) {
            assertThat(rig.post("/v1/completions", BODY).statusCode()).isEqualTo(200);
            assertThat(rig.post("/v1/completions", BODY + " ").statusCode()).isEqualTo(413);
        }
    }

    @Test
    void shouldHoldNoMoreThanItMayAndGiveAllBack() throws Exception {
        try (Rig rig = pair(Map.of("max_buffered_bytes", 6_000))) {
            BufferedBytes buffered = rig.proxy.parts().buffered();
            try (Socket first = rig.silentClient()) {
                write(first, HEAD + "Content-Length: 100\r\n\r\n{");
                awaitHeld(buffered, 4096);
                HttpResponse<String> second = rig.post("/v1/completions", BODY);
                assertThat(second.statusCode()).isEqualTo(503);
                assertThat(second.headers().firstValue("Retry-After")).hasValue("1");
            }
            awaitHeld(buffered, 0);
            assertThat(rig.post("/v1/completions", BODY).statusCode()).isEqualTo(200);
            assertThat(rig.post("/v1/completions", "{").statusCode()).isEqualTo(400);
            assertThat(rig.get("/nowhere").statusCode()).isEqualTo(404);
            awaitHeld(buffered, 0);
        }
    }

    @Test
    void shouldServeOthersWhileABodyIsRead() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        try (Rig rig = new Rig(Map.of("threads", 1))) {
            rig.prefill(ANSWERED);
            FakeInstance decode = rig.decode(ANSWERED);
            occupyBodies(rig, go);
            CompletableFuture<HttpResponse<String>> waiting = rig.later(BODY);
            rig.awaitMetric("kvlink_proxy_requests_in_flight", 1);
            assertThat(rig.get("/health/live").statusCode()).isEqualTo(200);
            assertThat(rig.get("/v1/models").statusCode()).isEqualTo(200);
            assertThat(decode.next().requestLine()).startsWith("GET");
            assertThat(decode.seen()).isEmpty();
            go.countDown();
            assertThat(waiting.get(20, TimeUnit.SECONDS).body()).isEqualTo(BODY);
        } finally {
            go.countDown();
        }
    }

    @Test
    void shouldForgetARequestWhoseClientLeavesWhileItsBodyIsRead() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        try (Rig rig = new Rig(Map.of("threads", 1))) {
            rig.prefill(ANSWERED);
            FakeInstance decode = rig.decode(ANSWERED);
            occupyBodies(rig, go);
            try (Socket client = rig.rawClient()) {
                rig.awaitMetric("kvlink_proxy_requests_in_flight", 1);
                assertThat(client.isConnected()).isTrue();
            }
            // The connection's end reaches the loop before the next request does.
            assertThat(rig.get("/health/live").statusCode()).isEqualTo(200);
            go.countDown();
            rig.awaitMetric("kvlink_proxy_client_disconnects_total", 1);
            assertThat(rig.metric("kvlink_proxy_requests_in_flight")).isZero();
            assertThat(decode.seen()).isEmpty();
            awaitHeld(rig.proxy.parts().buffered(), 0);
        } finally {
            go.countDown();
        }
    }

    /** Keeps the only thread for bodies busy. */
    private static void occupyBodies(Rig rig, CountDownLatch go) {
        CountDownLatch busy = new CountDownLatch(1);
        rig.proxy
                .parts()
                .bodies()
                .prepare(
                        "other",
                        new byte[0],
                        task -> {
                            busy.countDown();
                            await(go);
                        },
                        outcome -> {});
        await(busy);
    }

    private static void awaitHeld(BufferedBytes buffered, long bytes) {
        long endNs = System.nanoTime() + Rig.DEADLINE.toNanos();
        while (buffered.held() != bytes) {
            assertThat(System.nanoTime()).as("held=" + buffered.held()).isLessThan(endNs);
            Thread.onSpinWait();
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(20, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException cause) {
            Thread.currentThread().interrupt();
        }
    }

    private static void write(Socket socket, String text) throws IOException {
        socket.getOutputStream().write(text.getBytes(StandardCharsets.UTF_8));
    }
}
