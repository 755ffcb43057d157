// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.Socket;
import java.net.http.HttpResponse;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Calls that run while other models and other versions of their process come and go. */
class VersionCallsTest {

    private static final String BODY = "{\"prompt\":\"a\",\"model\":\"m\"}";
    private static final String OLDER = "127.0.0.1:21001";
    private static final String NEWER = "127.0.0.1:29999";
    private static final FakeInstance.Script OK = talk -> talk.answer(200, "text/plain", "ok");

    private final AtomicLong now = new AtomicLong();
    private final CountDownLatch go = new CountDownLatch(1);

    /** A stream whose second half comes when it may. */
    private final FakeInstance.Script streams =
            talk -> {
                talk.head("text/event-stream");
                talk.chunk("data: one\n\n");
                talk.chunk(go.await(20, TimeUnit.SECONDS) ? "data: two\n\n" : "?");
                talk.end();
            };

    /** Order in which the proxy hears of the next version and of the last one's goodbye. */
    private enum Order {
        GOODBYE_FIRST,
        NEWER_FIRST,
        NEWER_AND_NO_GOODBYE
    }

    private static Map<String, Object> says(long epoch, Object... more) {
        Map<String, Object> fields =
                new HashMap<>(Map.of("model", "m", "process", Rig.PROCESS, "epoch", epoch));
        for (int i = 0; i < more.length; i += 2) {
            fields.put((String) more[i], more[i + 1]);
        }
        return fields;
    }

    private static Map<String, Object> newer(Object... more) {
        Map<String, Object> fields = says(2, more);
        fields.putIfAbsent("zmq_address", NEWER);
        return fields;
    }

    /** A prefill instance, and a decode instance with the first version. */
    private static FakeInstance decode(Rig rig, FakeInstance.Script script) throws Exception {
        rig.prefill(OK, "m");
        FakeInstance decode = rig.keep(new FakeInstance(script));
        rig.register("D", decode.address(), says(1));
        return decode;
    }

    private static void follow(Rig rig, String http, Order order) throws Exception {
        switch (order) {
            case GOODBYE_FIRST -> {
                rig.beat("D", http, says(1, "bye", true), "left");
                rig.beat("D", http, newer(), "added");
            }
            case NEWER_FIRST -> {
                rig.beat("D", http, newer(), "replaced");
                rig.beat("D", http, says(1), "stale");
                rig.beat("D", http, says(1, "bye", true), "stale");
            }
            case NEWER_AND_NO_GOODBYE -> rig.beat("D", http, newer(), "replaced");
        }
    }

    @ParameterizedTest
    @EnumSource(Order.class)
    void shouldLetTheLastVersionFinishAndAskTheNext(Order order) throws Exception {
        try (Rig rig = new Rig()) {
            FakeInstance decode = decode(rig, streams);
            try (Socket client = rig.rawClient()) {
                Rig.readUntil(client, "one\n\n\r\n");
                assertThat(decode.next().header("X-Request-Id")).contains("decode_addr_" + OLDER);
                follow(rig, decode.address(), order);
                decode.become(OK);
                for (int i = 0; i < 3; i++) {
                    assertThat(rig.complete().statusCode()).isEqualTo(200);
                    assertThat(decode.next().header("X-Request-Id"))
                            .contains("decode_addr_" + NEWER);
                }
                go.countDown();
                assertThat(Rig.readUntil(client, "0\r\n\r\n")).contains("data: two\n\n\r\n");
            }
            assertThat(rig.metric("kvlink_proxy_broken_answers_total")).isZero();
        }
    }

    @ParameterizedTest
    @EnumSource(Order.class)
    void shouldLetAPrefillOnTheLastVersionFinish(Order order) throws Exception {
        try (Rig rig = new Rig(Map.of("dispatch", "serial"))) {
            FakeInstance prefill =
                    rig.keep(
                            new FakeInstance(
                                    talk -> {
                                        boolean may = go.await(20, TimeUnit.SECONDS);
                                        talk.answer(may ? 200 : 500, "text/plain", "p");
                                    }));
            rig.register("P", prefill.address(), says(1));
            FakeInstance decode = rig.decode(OK, "m");
            CompletableFuture<HttpResponse<String>> response = rig.later(BODY);
            String id = prefill.next().header("X-Request-Id");
            if (order != Order.GOODBYE_FIRST) {
                rig.beat("P", prefill.address(), newer(), "replaced");
            }
            rig.beat(
                    "P",
                    prefill.address(),
                    says(1, "bye", true),
                    order == Order.GOODBYE_FIRST ? "left" : "stale");
            if (order == Order.GOODBYE_FIRST) {
                rig.beat("P", prefill.address(), newer(), "added");
            }
            go.countDown();
            assertThat(response.get(20, TimeUnit.SECONDS).statusCode()).isEqualTo(200);
            assertThat(decode.next().header("X-Request-Id")).isEqualTo(id);
        }
    }

    @ParameterizedTest
    @EnumSource(Order.class)
    void shouldNotWaitForEverForTheLastVersion(Order order) throws Exception {
        try (Rig rig = new Rig(Map.of("farewell_ms", 1))) {
            FakeInstance decode = decode(rig, streams);
            try (Socket client = rig.rawClient()) {
                Rig.readUntil(client, "one\n\n\r\n");
                follow(rig, decode.address(), order);
                assertThat(Rig.readUntil(client, "0\r\n\r\n")).contains("instance_lost");
            }
        }
    }

    /** The proxy knows of nobody for a moment. */
    @Test
    void shouldWaitForTheNextVersionWhoseGoodbyeCameFirst() throws Exception {
        try (Rig rig = new Rig(Map.of("expiry_ms", 600_000), now::get)) {
            FakeInstance decode = decode(rig, OK);
            rig.beat("D", decode.address(), says(1, "bye", true), "left");
            CompletableFuture<HttpResponse<String>> response = rig.later(BODY);
            rig.awaitMetric("kvlink_proxy_requests_in_flight", 1);
            rig.beat("D", decode.address(), newer(), "added");
            assertThat(response.get(20, TimeUnit.SECONDS).statusCode()).isEqualTo(200);

            rig.beat("D", decode.address(), newer("bye", true), "left");
            CompletableFuture<HttpResponse<String>> inVain = rig.later(BODY);
            rig.awaitMetric("kvlink_proxy_requests_in_flight", 1);
            now.addAndGet(TimeUnit.SECONDS.toNanos(1));
            assertThat(inVain.get(20, TimeUnit.SECONDS).statusCode()).isEqualTo(503);

            rig.beat("D", decode.address(), newer(), "added");
            rig.beat("D", decode.address(), newer("bye", true), "left");
            try (Socket client = rig.rawClient(BODY)) {
                rig.awaitMetric("kvlink_proxy_requests_in_flight", 1);
                assertThat(client.isConnected()).isTrue();
            }
            rig.awaitMetric("kvlink_proxy_client_disconnects_total", 1);
            assertThat(rig.metric("kvlink_proxy_requests_in_flight")).isZero();
        }
    }

    /** A call that never began goes to the next version. */
    @Test
    void shouldAskTheNextVersionIfTheLastOneRefuses() throws Exception {
        CountDownLatch followed = new CountDownLatch(1);
        try (Rig rig = new Rig()) {
            FakeInstance decode =
                    decode(
                            rig,
                            talk -> {
                                if (talk.header("X-Request-Id").contains(NEWER)) {
                                    talk.answer(200, "text/plain", "next");
                                } else {
                                    boolean may = followed.await(20, TimeUnit.SECONDS);
                                    talk.answer(may ? 503 : 500, "text/plain", "no");
                                }
                            });
            CompletableFuture<HttpResponse<String>> response = rig.later(BODY);
            decode.next();
            follow(rig, decode.address(), Order.NEWER_FIRST);
            followed.countDown();
            assertThat(response.get(20, TimeUnit.SECONDS).body()).isEqualTo("next");
        }
    }

    @Test
    void shouldGoBackToTheLastVersionIfTheNextOneLeaves() throws Exception {
        try (Rig rig = new Rig()) {
            FakeInstance decode = decode(rig, OK);
            follow(rig, decode.address(), Order.NEWER_AND_NO_GOODBYE);
            rig.beat("D", decode.address(), says(1), "stale");
            decode.become(streams);
            try (Socket client = rig.rawClient()) {
                Rig.readUntil(client, "one\n\n\r\n");
                assertThat(decode.next().header("X-Request-Id")).contains("decode_addr_" + NEWER);
                decode.become(OK);
                rig.beat("D", decode.address(), newer("bye", true), "left");
                rig.beat("D", decode.address(), says(1), "added");
                assertThat(rig.complete().statusCode()).isEqualTo(200);
                assertThat(decode.next().header("X-Request-Id")).contains("decode_addr_" + OLDER);
                go.countDown();
                assertThat(Rig.readUntil(client, "0\r\n\r\n")).contains("data: two\n\n\r\n");
            }
        }
    }

    /**
     * Ways in which the proxy learns that the whole process is no more, or at least this instance.
     */
    @ParameterizedTest
    @CsvSource({
        // Another process with this model, with another one only, without a number as ever.
        "m,8,127.0.0.1:29999,restarted",
        "other,8,127.0.0.1:29999,restarted",
        "m,0,127.0.0.1:29999,restarted",
        // A control address has one instance behind it.
        "other,8,127.0.0.1:21001,restarted"
    })
    void shouldEndTheCallsOfAnInstanceThatIsNoMore(
            String model, long process, String control, String outcome) throws Exception {
        try (Rig rig = new Rig()) {
            FakeInstance decode = decode(rig, streams);
            try (Socket client = rig.rawClient()) {
                Rig.readUntil(client, "one\n\n\r\n");
                Map<String, Object> next =
                        says(9, "model", model, "process", process, "zmq_address", control);
                rig.beat("D", decode.address(), next, outcome);
                assertThat(Rig.readUntil(client, "0\r\n\r\n")).contains("instance_lost");
            }
        }
    }

    /** The next model of a process may get the control address of one that has just ended. */
    @ParameterizedTest
    @CsvSource({"m,replaced", "other,restarted"})
    void shouldNotEndTheCallsOfWhoHadTheControlAddressBefore(String model, String outcome)
            throws Exception {
        try (Rig rig = new Rig()) {
            FakeInstance decode = decode(rig, streams);
            try (Socket client = rig.rawClient()) {
                Rig.readUntil(client, "one\n\n\r\n");
                Map<String, Object> next =
                        says(9, "model", model, "zmq_address", "127.0.0.1:21001");
                rig.beat("D", decode.address(), next, outcome);
                go.countDown();
                assertThat(Rig.readUntil(client, "0\r\n\r\n")).contains("data: two\n\n\r\n");
            }
        }
    }

    @Test
    void shouldEndTheCallsOfAProcessThatHasLeftAndIsBack() throws Exception {
        try (Rig rig = new Rig()) {
            FakeInstance decode = decode(rig, streams);
            try (Socket client = rig.rawClient()) {
                Rig.readUntil(client, "one\n\n\r\n");
                rig.beat("D", decode.address(), says(1, "bye", true), "left");
                Map<String, Object> next = newer("process", Rig.PROCESS + 1);
                rig.beat("D", decode.address(), next, "added");
                assertThat(Rig.readUntil(client, "0\r\n\r\n")).contains("instance_lost");
            }
        }
    }

    /** The process says its number, or doesn't. */
    @ParameterizedTest
    @ValueSource(longs = {Rig.PROCESS, 0})
    void shouldNotEndTheCallsOfOneModelForAnother(long process) throws Exception {
        try (Rig rig = new Rig()) {
            rig.prefill(OK, "m");
            FakeInstance decode = rig.keep(new FakeInstance(streams));
            Map<String, Object> first = says(1, "process", process);
            Map<String, Object> other =
                    says(5, "process", process, "model", "o", "zmq_address", NEWER);
            rig.register("D", decode.address(), first);
            try (Socket client = rig.rawClient()) {
                Rig.readUntil(client, "one\n\n\r\n");
                rig.beat("D", decode.address(), other, "added");
                rig.beat("D", decode.address(), first, "refreshed");
                rig.beat("D", decode.address(), other, "refreshed");
                other.put("bye", true);
                rig.beat("D", decode.address(), other, "left");
                go.countDown();
                assertThat(Rig.readUntil(client, "0\r\n\r\n")).contains("data: two\n\n\r\n");
            }
        }
    }

    @Test
    void shouldNotEndTheCallsOfOneModelWhenAnotherExpires() throws Exception {
        try (Rig rig = new Rig(Map.of("expiry_ms", 10_000), now::get)) {
            FakeInstance decode = decode(rig, streams);
            Map<String, Object> other = says(5, "model", "o", "zmq_address", NEWER);
            rig.beat("D", decode.address(), other, "added");
            try (Socket client = rig.rawClient(BODY)) {
                Rig.readUntil(client, "one\n\n\r\n");
                now.addAndGet(TimeUnit.SECONDS.toNanos(9));
                rig.beat("D", decode.address(), says(1), "refreshed");
                now.addAndGet(TimeUnit.SECONDS.toNanos(2));
                rig.proxy.wakeDiscovery();
                rig.awaitMetric("kvlink_proxy_instances_expired_total", 2);
                assertThat(rig.get("/instances").body())
                        .contains("\"model\":\"m\"")
                        .doesNotContain("\"model\":\"o\"");
                go.countDown();
                assertThat(Rig.readUntil(client, "0\r\n\r\n")).contains("data: two\n\n\r\n");
            }
        }
    }
}
