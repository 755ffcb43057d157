// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonParser;
import io.kvlink.proxy.fleet.Instance;
import io.kvlink.proxy.fleet.Role;
import io.kvlink.proxy.upstream.ClientRequest;
import io.kvlink.proxy.upstream.LiveCalls;
import io.kvlink.proxy.upstream.UpstreamCall;
import io.netty.buffer.ByteBuf;
import io.netty.channel.EventLoop;
import io.netty.handler.codec.http.DefaultHttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Instances that neither answer nor close their connections: stopped ones, lost hosts. */
class LostInstanceTest {

    private static final String REFRESHED = "kvlink_proxy_heartbeats_total{outcome=\"refreshed\"}";
    private static final String BODY = "{\"prompt\":\"a\"}";
    private static final FakeInstance.Script PREFILLED =
            talk -> talk.answer(200, "application/json", "{\"prefilled\":true}");
    private static final FakeInstance.Script ANSWERED =
            talk -> talk.answer(200, "application/json", "{\"answer\":true}");
    private static final FakeInstance.Script HANGS = FakeInstance.Talk::sawDisconnect;

    private final AtomicLong now = new AtomicLong();

    /** Way in which the proxy learns that a process is no more. */
    private enum End {
        SILENCE,
        NEW_EPOCH,
        OTHER_ADDRESS
    }

    /** A first request that gets no answer, and then others. */
    private static FakeInstance.Script hangsOnce(FakeInstance.Script then) {
        AtomicInteger requests = new AtomicInteger();
        return talk -> (requests.getAndIncrement() == 0 ? HANGS : then).run(talk);
    }

    private Rig rig(Map<String, ?> more) {
        Map<String, Object> settings = new HashMap<>(Map.of("expiry_ms", 10_000));
        settings.putAll(more);
        return new Rig(settings, now::get);
    }

    /** Ends one instance; the others, as type and address in turn, beat on. */
    private void end(Rig rig, End how, String type, String http, String... others)
            throws Exception {
        switch (how) {
            case SILENCE -> silence(rig, others);
            case NEW_EPOCH -> rig.beat(type, http, Map.of("epoch", 7L));
            case OTHER_ADDRESS -> {
                FakeInstance moved = rig.keep(new FakeInstance(ANSWERED));
                rig.beat(type, http, Map.of("http_address", moved.address()));
            }
        }
    }

    private void silence(Rig rig, String... others) throws Exception {
        double seen = rig.metric(REFRESHED);
        now.addAndGet(TimeUnit.SECONDS.toNanos(9));
        for (int i = 0; i < others.length; i += 2) {
            rig.beat(others[i], others[i + 1], Map.of());
        }
        rig.awaitMetric(REFRESHED, seen + others.length / 2.0);
        now.addAndGet(TimeUnit.SECONDS.toNanos(2));
        rig.proxy.wakeDiscovery();
    }

    @ParameterizedTest
    @EnumSource(End.class)
    void shouldAskAnotherDecodeInstance(End how) throws Exception {
        try (Rig rig = rig(Map.of())) {
            FakeInstance prefill = rig.prefill(PREFILLED);
            FakeInstance lost = rig.decode(hangsOnce(ANSWERED));
            FakeInstance other = rig.decode(ANSWERED);
            CompletableFuture<HttpResponse<String>> response = rig.later(BODY);
            lost.next();
            end(rig, how, "D", lost.address(), "P", prefill.address(), "D", other.address());
            assertThat(response.get(20, TimeUnit.SECONDS).body()).isEqualTo("{\"answer\":true}");
            assertThat(rig.metric(failures("decode"))).isEqualTo(1);
            assertThat(rig.metric("kvlink_proxy_decode_retries_total")).isEqualTo(1);
            rig.awaitNoCalls();
        }
    }

    @Test
    void shouldAskAnotherDecodeInstanceIfOneNeverAcceptsTheConnection() throws Exception {
        try (Rig rig = rig(Map.of());
                ServerSocket deaf = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            FakeInstance prefill = rig.prefill(PREFILLED);
            String address = "127.0.0.1:" + deaf.getLocalPort();
            rig.register("D", address);
            FakeInstance other = rig.decode(ANSWERED);
            CompletableFuture<HttpResponse<String>> response = rig.later(BODY);
            prefill.next();
            silence(rig, "P", prefill.address(), "D", other.address());
            assertThat(response.get(20, TimeUnit.SECONDS).statusCode()).isEqualTo(200);
        }
    }

    @Test
    void shouldAskTheSuccessorAtTheSameAddress() throws Exception {
        try (Rig rig = rig(Map.of())) {
            rig.prefill(PREFILLED);
            FakeInstance decode = rig.decode(hangsOnce(ANSWERED));
            CompletableFuture<HttpResponse<String>> response = rig.later(BODY);
            decode.next();
            end(rig, End.NEW_EPOCH, "D", decode.address());
            assertThat(response.get(20, TimeUnit.SECONDS).body()).isEqualTo("{\"answer\":true}");
        }
    }

    @Test
    void shouldAnswer502IfTheOnlyDecodeInstanceIsLost() throws Exception {
        try (Rig rig = rig(Map.of())) {
            FakeInstance prefill = rig.prefill(PREFILLED);
            FakeInstance lost = rig.decode(HANGS);
            CompletableFuture<HttpResponse<String>> response = rig.later(BODY);
            lost.next();
            silence(rig, "P", prefill.address());
            assertThat(response.get(20, TimeUnit.SECONDS).statusCode()).isEqualTo(502);
        }
    }

    @ParameterizedTest
    @EnumSource(End.class)
    void shouldAskAnotherPrefillInstance(End how) throws Exception {
        try (Rig rig = rig(Map.of())) {
            FakeInstance lost = rig.prefill(hangsOnce(PREFILLED));
            FakeInstance other = rig.prefill(PREFILLED);
            FakeInstance decode = rig.decode(hangsOnce(ANSWERED));
            CompletableFuture<HttpResponse<String>> response = rig.later(BODY);
            lost.next();
            decode.next(); // Or the call that hangs would be the second one.
            end(rig, how, "P", lost.address(), "P", other.address(), "D", decode.address());
            assertThat(response.get(20, TimeUnit.SECONDS).body()).isEqualTo("{\"answer\":true}");
            assertThat(rig.metric("kvlink_proxy_prefill_retries_total")).isEqualTo(1);
            assertThat(rig.metric(failures("prefill"))).isEqualTo(1);
        }
    }

    @Test
    void shouldLetDecodeComputeAloneIfTheOnlyPrefillInstanceIsLost() throws Exception {
        try (Rig rig = rig(Map.of())) {
            FakeInstance lost = rig.prefill(HANGS);
            FakeInstance decode =
                    rig.decode(
                            talk -> {
                                if (talk.header("X-Request-Id").startsWith("___prefill")) {
                                    talk.sawDisconnect();
                                } else {
                                    talk.answer(200, "text/plain", "alone");
                                }
                            });
            CompletableFuture<HttpResponse<String>> response = rig.later(BODY);
            lost.next();
            silence(rig, "D", decode.address());
            assertThat(response.get(20, TimeUnit.SECONDS).body()).isEqualTo("alone");
        }
    }

    @Test
    void shouldFindOthersIfAWholeHostIsLost() throws Exception {
        try (Rig rig = rig(Map.of())) {
            FakeInstance prefill = rig.prefill(HANGS);
            FakeInstance decode = rig.decode(HANGS);
            FakeInstance otherPrefill = rig.prefill(PREFILLED);
            FakeInstance otherDecode = rig.decode(ANSWERED);
            CompletableFuture<HttpResponse<String>> response = rig.later(BODY);
            prefill.next();
            decode.next();
            silence(rig, "P", otherPrefill.address(), "D", otherDecode.address());
            assertThat(response.get(20, TimeUnit.SECONDS).body()).isEqualTo("{\"answer\":true}");
        }
    }

    @Test
    void shouldEndAStreamOfEventsWithAnErrorEvent() throws Exception {
        try (Rig rig = rig(Map.of())) {
            FakeInstance prefill = rig.prefill(PREFILLED);
            rig.decode(
                    talk -> {
                        talk.head("text/event-stream; charset=utf-8");
                        talk.chunk("data: one\n\n");
                        talk.sawDisconnect();
                    });
            try (Socket client = rig.rawClient()) {
                Rig.readUntil(client, "one\n\n\r\n");
                silence(rig, "P", prefill.address());
                String rest = Rig.readUntil(client, "\r\n0\r\n\r\n");
                String event = rest.substring(rest.indexOf("data: "), rest.indexOf("\n\n"));
                assertThat(
                                JsonParser.parseString(event.substring("data: ".length()))
                                        .getAsJsonObject()
                                        .getAsJsonObject("error")
                                        .get("code")
                                        .getAsString())
                        .isEqualTo("instance_lost");
                assertThat(rest).contains("event: error\ndata: ").doesNotContain("[DONE]");
            }
            assertThat(rig.metric("kvlink_proxy_broken_answers_total")).isEqualTo(1);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"data: half an ev", "data: one\n\ndata: two\n", "x"})
    void shouldCloseAStreamThatStandsInTheMidstOfAnEvent(String begun) throws Exception {
        try (Rig rig = rig(Map.of())) {
            FakeInstance prefill = rig.prefill(PREFILLED);
            rig.decode(
                    talk -> {
                        talk.head("text/event-stream");
                        talk.chunk(begun);
                        talk.sawDisconnect();
                    });
            try (Socket client = rig.rawClient()) {
                Rig.readUntil(client, begun + "\r\n");
                silence(rig, "P", prefill.address());
                assertThat(client.getInputStream().readAllBytes()).isEmpty();
            }
        }
    }

    @Test
    void shouldCloseAnAnswerThatIsNoStreamOfEvents() throws Exception {
        try (Rig rig = rig(Map.of())) {
            FakeInstance prefill = rig.prefill(PREFILLED);
            rig.decode(
                    talk -> {
                        talk.raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{");
                        talk.sawDisconnect();
                    });
            try (Socket client = rig.rawClient()) {
                Rig.readUntil(client, "{");
                silence(rig, "P", prefill.address());
                assertThat(client.getInputStream().readAllBytes()).isEmpty();
            }
        }
    }

    @Test
    void shouldLetAnInstanceFinishThatSaysGoodbye() throws Exception {
        CountDownLatch left = new CountDownLatch(1);
        try (Rig rig = rig(Map.of())) {
            rig.prefill(PREFILLED);
            FakeInstance decode =
                    rig.decode(
                            talk -> {
                                talk.head("text/plain");
                                talk.chunk(left.await(20, TimeUnit.SECONDS) ? "whole" : "?");
                                talk.end();
                            });
            CompletableFuture<HttpResponse<String>> response = rig.later(BODY);
            decode.next();
            rig.beat("D", decode.address(), Map.of("bye", true));
            assertThat(rig.proxy.awaitInstances(1, 0, Rig.DEADLINE)).isTrue();
            left.countDown();
            assertThat(response.get(20, TimeUnit.SECONDS).body()).isEqualTo("whole");
        }
    }

    @Test
    void shouldNotWaitForEverForAnInstanceThatSaidGoodbye() throws Exception {
        try (Rig rig = rig(Map.of("farewell_ms", 1))) {
            rig.prefill(PREFILLED);
            FakeInstance lost = rig.decode(HANGS);
            rig.decode(ANSWERED);
            CompletableFuture<HttpResponse<String>> response = rig.later(BODY);
            lost.next();
            rig.beat("D", lost.address(), Map.of("bye", true));
            assertThat(response.get(20, TimeUnit.SECONDS).body()).isEqualTo("{\"answer\":true}");
        }
    }

    /** Heartbeats alone keep a call alive, for as long as it takes. */
    @Test
    void shouldWaitForAnInstanceThatBeatsOn() throws Exception {
        CountDownLatch waited = new CountDownLatch(1);
        try (Rig rig = rig(Map.of())) {
            FakeInstance prefill = rig.prefill(PREFILLED);
            FakeInstance decode =
                    rig.decode(
                            talk -> {
                                boolean go = waited.await(20, TimeUnit.SECONDS);
                                talk.answer(go ? 200 : 500, "text/plain", "late");
                            });
            CompletableFuture<HttpResponse<String>> response = rig.later(BODY);
            decode.next();
            for (int i = 0; i < 5; i++) {
                double seen = rig.metric(REFRESHED);
                now.addAndGet(TimeUnit.SECONDS.toNanos(9));
                rig.beat("P", prefill.address(), Map.of());
                rig.beat("D", decode.address(), Map.of());
                rig.awaitMetric(REFRESHED, seen + 2);
            }
            waited.countDown();
            assertThat(response.get(20, TimeUnit.SECONDS).body()).isEqualTo("late");
        }
    }

    /** An instance may go between the choice and the call. */
    @Test
    void shouldFailACallToAnInstanceThatIsNotThereAnyMore() throws Exception {
        try (Rig rig = rig(Map.of())) {
            FakeInstance decode = rig.decode(HANGS);
            Instance gone = rig.proxy.parts().fleet().one(Role.DECODE, "").orElseThrow();
            rig.beat("D", decode.address(), Map.of("bye", true));
            assertThat(rig.proxy.awaitInstances(0, 0, Rig.DEADLINE)).isTrue();
            CompletableFuture<String> failure = new CompletableFuture<>();
            EventLoop loop = rig.proxy.parts().discovery().loop();
            ClientRequest request =
                    new ClientRequest(
                            HttpMethod.GET,
                            "/",
                            new DefaultHttpHeaders(),
                            new ClientRequest.Body(new byte[0]));
            UpstreamCall call = new UpstreamCall(gone, request, "id", loop, ending(failure));
            LiveCalls calls = rig.proxy.parts().calls();
            loop.execute(() -> call.start(rig.proxy.parts().names(), calls, 20_000));
            assertThat(failure.get(20, TimeUnit.SECONDS)).isEqualTo("gone");
            assertThat(calls.count()).isZero();
        }
    }

    private static UpstreamCall.Listener ending(CompletableFuture<String> failed) {
        return new UpstreamCall.Listener() {
            @Override
            public void onHead(UpstreamCall call, io.netty.handler.codec.http.HttpResponse head) {}

            @Override
            public void onBody(UpstreamCall call, ByteBuf piece) {}

            @Override
            public void onEnd(UpstreamCall call) {
                failed.complete("ended");
            }

            @Override
            public void onFailure(UpstreamCall call, UpstreamCall.Failure failure, String detail) {
                failed.complete(failure.word());
            }
        };
    }

    private static String failures(String role) {
        return "kvlink_proxy_upstream_failures_total{kind=\"gone\",role=\"" + role + "\"}";
    }
}
