// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.Socket;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The list of models of a fleet that has several. */
class ModelListTest {

    private static final FakeInstance.Script HANGS = FakeInstance.Talk::sawDisconnect;

    private static String model(String name) {
        return "{\"id\":\"%s\",\"object\":\"model\",\"created\":5,\"owned_by\":\"x\",\"n\":1.50}"
                .formatted(name);
    }

    private static String byName(String name) {
        return "{\"id\":\"%s\",\"object\":\"model\",\"created\":0,\"owned_by\":\"kvlink\"}"
                .formatted(name);
    }

    private static String list(String... models) {
        return "{\"object\":\"list\",\"data\":[" + String.join(",", models) + "]}";
    }

    private static FakeInstance.Script lists(String... models) {
        return talk -> talk.answer(200, "application/json", list(models));
    }

    @Test
    void shouldMergeWhatInstancesList() throws Exception {
        try (Rig rig = new Rig()) {
            FakeInstance prefill = rig.prefill(lists(model("a"), model("b")), "a", "b", "c");
            rig.decode(lists(model("a")), "a");
            FakeInstance second = rig.decode(lists(model("b"), model("stranger")), "b");
            HttpResponse<String> response = rig.get("/v1/models?x=1");
            assertThat(response.statusCode()).isEqualTo(200);
            assertThat(response.headers().firstValue("Content-Type")).hasValue("application/json");
            assertThat(response.body()).isEqualTo(list(model("a"), model("b"), byName("c")));
            assertThat(second.next().requestLine()).isEqualTo("GET /v1/models?x=1 HTTP/1.1");
            // Of the model that no decode instance has.
            assertThat(prefill.seen()).hasSize(1);
        }
    }

    @Test
    void shouldAskDecodeInstancesFirst() throws Exception {
        try (Rig rig = new Rig()) {
            rig.prefill(HANGS, "a", "b");
            rig.decode(lists(model("b"), model("a")), "a", "b");
            assertThat(rig.get("/v1/models").body()).isEqualTo(list(model("a"), model("b")));
        }
    }

    @Test
    void shouldListWhatInstancesHaveThatNameNone() throws Exception {
        try (Rig rig = new Rig()) {
            rig.decode(lists(model("a")), "a");
            FakeInstance any = rig.decode(lists(model("z"), model("y")));
            for (int i = 0; i < 2; i++) {
                assertThat(rig.get("/v1/models").body())
                        .isEqualTo(list(model("a"), model("z"), model("y")));
            }
            assertThat(any.seen()).hasSizeGreaterThanOrEqualTo(2);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "{", "[]", "{\"data\":5}", "{\"data\":[5]}", "{\"data\":[{\"id\":[]}]}"})
    void shouldAskAnotherIfOneDoesNotSay(String answer) throws Exception {
        try (Rig rig = new Rig()) {
            rig.decode(lists(model("b")), "b");
            rig.decode(talk -> talk.answer(200, "application/json", answer), "a");
            rig.decode(talk -> talk.answer(503, "application/json", list(byName("a"))), "a");
            rig.decode(talk -> talk.socket().close(), "a");
            rig.register("D", FakeInstance.refusing(), Map.of("model", "a"));
            rig.prefill(lists(model("a")), "a");
            for (int i = 0; i < 4; i++) {
                assertThat(rig.get("/v1/models").body()).isEqualTo(list(model("b"), model("a")));
            }
        }
    }

    @Test
    void shouldListByNameWhoDoesNotAnswerInTime() throws Exception {
        CompletableFuture<Boolean> saw = new CompletableFuture<>();
        try (Rig rig = new Rig(Map.of("connect_timeout_ms", 500))) {
            rig.decode(talk -> saw.complete(talk.sawDisconnect()), "a");
            rig.decode(lists(model("b")), "b");
            assertThat(rig.get("/v1/models").body()).isEqualTo(list(byName("a"), model("b")));
            assertThat(saw.get(20, TimeUnit.SECONDS)).isTrue();
            assertThat(rig.metric("kvlink_proxy_requests_in_flight")).isZero();
            rig.awaitNoCalls();
        }
    }

    @Test
    void shouldReadNoListWithoutEnd() throws Exception {
        try (Rig rig = new Rig(Map.of("connect_timeout_ms", 600_000))) {
            rig.decode(
                    talk -> {
                        talk.head("application/json");
                        while (!talk.socket().isClosed()) {
                            talk.chunk(" ".repeat(1 << 16));
                        }
                    },
                    "a");
            rig.decode(lists(model("b")), "b");
            assertThat(rig.get("/v1/models").body()).isEqualTo(list(byName("a"), model("b")));
        }
    }

    @Test
    void shouldEndItsCallsWhenTheClientLeaves() throws Exception {
        CompletableFuture<Boolean> saw = new CompletableFuture<>();
        try (Rig rig = new Rig(Map.of("connect_timeout_ms", 600_000))) {
            FakeInstance decode = rig.decode(talk -> saw.complete(talk.sawDisconnect()), "a");
            rig.decode(lists(model("b")), "b");
            try (Socket client = rig.silentClient()) {
                client.getOutputStream()
                        .write(
                                "GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n"
                                        .getBytes(StandardCharsets.UTF_8));
                decode.next();
            }
            assertThat(saw.get(20, TimeUnit.SECONDS)).isTrue();
        }
    }

    @Test
    void shouldListManyModels() throws Exception {
        String[] models = new String[30];
        try (Rig rig = new Rig()) {
            for (int i = 0; i < models.length; i++) {
                models[i] = model("m" + i);
                rig.decode(lists(models[i]), "m" + i);
            }
            assertThat(rig.get("/v1/models").body()).isEqualTo(list(models));
        }
    }
}
