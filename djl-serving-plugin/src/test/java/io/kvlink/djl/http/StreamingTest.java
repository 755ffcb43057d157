// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.djl.chat.ChatTemplate;
import io.kvlink.djl.generation.GenerationException.Kind;
import io.kvlink.djl.generation.GenerationResult.FinishReason;
import io.kvlink.djl.http.FakeGenerator.Submitted;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.time.Clock;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class StreamingTest {

    private static final String STREAM = "{\"prompt\":\"abc\",\"stream\":true}";

    private final FakeGenerator model = new FakeGenerator("m");
    @RegisterExtension final TestServer server = new TestServer(model);

    @Test
    void shouldSendEachTokenWhenItComes() throws Exception {
        try (Socket socket = server.connect()) {
            BufferedReader in = open(socket, STREAM);
            Submitted submitted = model.next();
            submitted.text("one");
            // Arrives although nothing after it has been generated.
            assertThat(nextEvent(in)).contains("\"text\":\"one\"", "\"finish_reason\":null");
            submitted.text("two");
            assertThat(nextEvent(in)).contains("\"text\":\"two\"");
            submitted.finish(FinishReason.STOP, 2);
            assertThat(nextEvent(in)).contains("\"text\":\"\"", "\"finish_reason\":\"stop\"");
            assertThat(nextEvent(in)).isEqualTo("[DONE]");
        }
    }

    @Test
    void shouldEndAStreamWithFiguresIfAsked() throws Exception {
        CompletableFuture<HttpResponse<String>> answer =
                server.complete(
                        "{\"prompt\":[\"abc\",\"de\"],\"stream\":true,"
                                + "\"stream_options\":{\"include_usage\":true}}",
                        "X-KvLink-Stats",
                        "1");
        Submitted first = model.next();
        Submitted second = model.next();
        second.text("B");
        first.text("A").finish(FinishReason.LENGTH, 1);
        second.finish(FinishReason.STOP, 2);

        HttpResponse<String> response = TestServer.await(answer);
        assertThat(response.headers().firstValue("content-type"))
                .contains("text/event-stream; charset=utf-8");
        String[] events = response.body().split("\n\n", -1);
        assertThat(events).hasSize(7);
        assertThat(events[0]).contains("\"index\":1,\"text\":\"B\"", "\"usage\":null");
        assertThat(events[1]).contains("\"index\":0,\"text\":\"A\"");
        assertThat(events[2]).contains("\"finish_reason\":\"length\"").doesNotContain("kvlink");
        assertThat(events[3]).contains("\"finish_reason\":\"stop\"").doesNotContain("kvlink");
        assertThat(events[4])
                .contains(
                        "\"choices\":[]",
                        "{\"prompt_tokens\":5,\"completion_tokens\":3,\"total_tokens\":8}",
                        "\"kvlink\":{\"computed_prompt_tokens\":4");
        assertThat(events[5]).isEqualTo("data: [DONE]");
        assertThat(events[6]).isEmpty();
    }

    @Test
    void shouldPutStatsOnTheLastChunk() throws Exception {
        CompletableFuture<HttpResponse<String>> answer =
                server.complete(STREAM, "X-KvLink-Stats", "1");
        model.next().text("A").finish(FinishReason.LENGTH, 1);
        String[] events = TestServer.await(answer).body().split("\n\n", -1);
        assertThat(events[0]).doesNotContain("kvlink");
        assertThat(events[1]).contains("\"finish_reason\":\"length\"", "\"kvlink\":{");
    }

    @Test
    void shouldEndABrokenStreamWithItsError() throws Exception {
        CompletableFuture<HttpResponse<String>> answer = server.complete(STREAM);
        model.next().text("A").fail(Kind.INTERNAL, "k=v; sorry");
        HttpResponse<String> response = TestServer.await(answer);
        assertThat(response.statusCode()).isEqualTo(200);
        String[] events = response.body().split("\n\n", -1);
        assertThat(events[1])
                .startsWith("event: error\ndata: {\"error\":{\"message\":\"k=v; sorry\"")
                .doesNotContain("[DONE]");
        assertThat(events).hasSize(3);
    }

    @Test
    void shouldCancelAllWhenTheClientLeavesBeforeTheFirstToken() throws Exception {
        Socket socket = server.connect();
        open(socket, "{\"prompt\":[\"a\",\"b\"],\"stream\":true}");
        Submitted first = model.next();
        Submitted second = model.next();
        socket.close();
        first.awaitCancelled();
        second.awaitCancelled();
    }

    @Test
    void shouldCancelWhenTheClientLeavesInTheMiddle() throws Exception {
        Socket socket = server.connect();
        BufferedReader in = open(socket, STREAM);
        Submitted submitted = model.next();
        submitted.text("one");
        nextEvent(in);
        socket.close();
        submitted.awaitCancelled();
    }

    @Test
    void shouldCancelAllAnswersOfAChatWhenTheClientLeavesInTheMiddle() throws Exception {
        model.template = Optional.of(ChatTemplate.of("a", Map.of(), Clock.systemUTC()));
        String body =
                "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"n\":3,\"stream\":true}";
        Socket socket = server.connect();
        BufferedReader in = send(socket, TestServer.post("/v1/chat/completions", body));
        List<Submitted> all = List.of(model.next(), model.next(), model.next());
        all.get(1).text("one");
        assertThat(nextEvent(in)).contains("\"index\":1,\"delta\":{\"role\":\"assistant\"");
        assertThat(nextEvent(in)).contains("\"index\":1,\"delta\":{\"content\":\"one\"}");
        socket.close();
        for (Submitted submitted : all) {
            submitted.awaitCancelled();
        }
    }

    @Test
    void shouldBeginAStreamWithItsPromptIfAsked() throws Exception {
        CompletableFuture<HttpResponse<String>> answer =
                server.complete(
                        "{\"prompt\":[\"abc\",\"de\"],\"n\":2,\"stream\":true,\"echo\":true}");
        List<Submitted> all = List.of(model.next(), model.next(), model.next(), model.next());
        all.get(3).text("X").finish(FinishReason.STOP, 1);
        for (Submitted submitted : all.subList(0, 3)) {
            submitted.text("Y").finish(FinishReason.STOP, 1);
        }
        String[] events = TestServer.await(answer).body().split("\n\n");
        assertThat(events).hasSize(13);
        assertThat(events[0]).contains("\"index\":3,\"text\":\"de\"");
        assertThat(events[1]).contains("\"index\":3,\"text\":\"X\"");
        assertThat(events[2]).contains("\"index\":3,\"text\":\"\"", "\"stop\"");
        assertThat(events[3]).contains("\"index\":0,\"text\":\"abc\"");
    }

    @Test
    void shouldCancelAnAnswerWithoutStreamToo() throws Exception {
        Socket socket = server.connect();
        open(socket, "{\"prompt\":\"a\"}");
        Submitted submitted = model.next();
        submitted.text("one");
        socket.close();
        submitted.awaitCancelled();
    }

    @Test
    void shouldNotSubmitForAClientThatLeftWhileItsPromptWasRead() throws Exception {
        model.encodeGate = new CountDownLatch(1);
        try (Socket staying = server.connect()) {
            Socket leaving = server.connect();
            open(leaving, "{\"prompt\":\"leaving\"}");
            assertThat(model.encoding.await(20, TimeUnit.SECONDS)).isTrue();
            leaving.close();
            // One event loop: once this is answered, the close has been seen.
            staying.getOutputStream().write("GET /health HTTP/1.1\r\n\r\n".getBytes(UTF_8));
            reader(staying).readLine();
            model.encodeGate.countDown();
            staying.getOutputStream()
                    .write(TestServer.post("{\"prompt\":\"stay\"}").getBytes(UTF_8));
            assertThat(model.next().request.promptTokens()).hasSize("stay".length());
        }
    }

    @Test
    void shouldCutOffAClientThatDoesNotRead() throws Exception {
        try (Socket socket = server.connect()) {
            socket.setReceiveBufferSize(4096);
            open(socket, STREAM);
            Submitted submitted = model.next();
            String text = "x".repeat(64 << 10);
            // What the kernel takes is bounded too; far less than this.
            for (int i = 0; i < 4096 && !submitted.isCancelled(); i++) {
                submitted.text(text);
            }
            submitted.awaitCancelled();
        }
    }

    @Test
    void shouldAnswerPipelinedRequestsInTheirOrder() throws Exception {
        try (Socket socket = server.connect()) {
            BufferedReader in =
                    send(
                            socket,
                            TestServer.post("{\"prompt\":\"first\"}")
                                    + "GET /health HTTP/1.1\r\nConnection: close\r\n\r\n");
            model.next().text("done").finish(FinishReason.STOP, 1);
            assertThat(nextContaining(in, "choices")).contains("\"text\":\"done\"");
            assertThat(nextContaining(in, "{\"status\""))
                    .isEqualTo("{\"status\":\"ok\",\"reasons\":[]}");
        }
    }

    @Test
    void shouldCutOffAClientThatPipelinesWithoutEnd() throws Exception {
        try (Socket socket = server.connect()) {
            BufferedReader in =
                    send(
                            socket,
                            TestServer.post("{\"prompt\":\"first\"}")
                                    + "GET /health HTTP/1.1\r\n\r\n"
                                            .repeat(RequestOrder.MAX_WAITING + 1));
            assertThat(in.readLine()).isNull();
        }
    }

    @Test
    void shouldEndAnHttp10StreamWithTheConnection() throws Exception {
        try (Socket socket = server.connect()) {
            BufferedReader in =
                    send(
                            socket,
                            "POST /v1/completions HTTP/1.0\r\nConnection: keep-alive\r\n"
                                    + "Content-Length: "
                                    + STREAM.length()
                                    + "\r\n\r\n"
                                    + STREAM);
            model.next().text("A").finish(FinishReason.STOP, 1);
            String all = String.join("\n", in.lines().toList());
            assertThat(all.toLowerCase(Locale.ROOT))
                    .contains("connection: close")
                    .doesNotContain("transfer-encoding");
            assertThat(all).endsWith("data: [DONE]\n");
        }
    }

    private BufferedReader open(Socket socket, String body) throws Exception {
        return send(socket, TestServer.post(body));
    }

    private static BufferedReader send(Socket socket, String text) throws Exception {
        socket.getOutputStream().write(text.getBytes(UTF_8));
        return reader(socket);
    }

    private static BufferedReader reader(Socket socket) throws Exception {
        return new BufferedReader(new InputStreamReader(socket.getInputStream(), UTF_8));
    }

    private static String nextEvent(BufferedReader in) throws Exception {
        return nextContaining(in, "data: ").substring("data: ".length());
    }

    private static String nextContaining(BufferedReader in, String part) throws Exception {
        for (String line; (line = in.readLine()) != null; ) {
            if (line.contains(part)) {
                return line;
            }
        }
        throw new AssertionError("the connection ended without " + part);
    }
}
