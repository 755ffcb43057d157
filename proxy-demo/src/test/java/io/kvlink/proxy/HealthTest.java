// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class HealthTest {

    private static final FakeInstance.Script ANSWERED =
            talk -> talk.answer(200, "text/plain", "ok");

    @Test
    void shouldBeReadyWhenAPairIsThere() throws Exception {
        try (Rig rig = new Rig()) {
            assertNotReady(
                    rig, "no decode instance is registered", "no prefill instance is registered");
            rig.prefill(ANSWERED);
            assertNotReady(rig, "no decode instance is registered");
            FakeInstance decode = rig.decode(ANSWERED);
            assertReady(rig);
            assertThat(page(rig.get("/health")).get("decode").getAsInt()).isEqualTo(1);
            rig.beat("D", decode.address(), Map.of("bye", true));
            assertThat(rig.proxy.awaitInstances(1, 0, Rig.DEADLINE)).isTrue();
            assertNotReady(rig, "no decode instance is registered");
        }
    }

    @Test
    void shouldBeReadyWithoutPrefillIfDecodeMayServeAlone() throws Exception {
        try (Rig rig = new Rig(Map.of("decode_alone_without_prefill", true))) {
            assertNotReady(rig, "no decode instance is registered");
            rig.decode(ANSWERED);
            assertReady(rig);
        }
    }

    @Test
    void shouldNotBeReadyWhileEveryInstanceRefusesConnections() throws Exception {
        try (Rig rig = new Rig(Map.of("skip_after_connect_failure_ms", 600_000))) {
            rig.prefill(ANSWERED);
            rig.register("D", FakeInstance.refusing());
            assertReady(rig);
            assertThat(rig.complete().statusCode()).isEqualTo(502);
            assertNotReady(
                    rig, "every decode instance has refused a connection or said 503 just now");
            rig.decode(ANSWERED);
            assertReady(rig);
        }
    }

    @Test
    void shouldNotBeReadyWhileNoTwoExchangeKv() throws Exception {
        try (Rig rig = new Rig()) {
            register(rig, "P", "One/3,Two/1");
            register(rig, "D", "One/4");
            assertNotReady(rig, "no two instances exchange KV");
            assertThat(rig.complete().statusCode()).isEqualTo(503);
            register(rig, "D", "Two/1");
            assertReady(rig);
            assertThat(rig.complete().statusCode()).isEqualTo(200);
        }
    }

    @Test
    void shouldBeReadyWithoutAPairIfDecodeMayServeAlone() throws Exception {
        try (Rig rig = new Rig(Map.of("decode_alone_without_prefill", true))) {
            register(rig, "P", "One/3");
            register(rig, "D", "One/4");
            assertReady(rig);
            assertThat(rig.complete().statusCode()).isEqualTo(200);
        }
    }

    @Test
    void shouldBeReadyWhileEveryPrefillRefusesSinceDecodeComputesThen() throws Exception {
        try (Rig rig = new Rig(Map.of("skip_after_connect_failure_ms", 600_000))) {
            rig.register("P", FakeInstance.refusing());
            rig.decode(ANSWERED);
            assertThat(rig.complete().statusCode()).as("by the decode instance").isEqualTo(200);
            assertReady(rig);
            assertThat(rig.complete().statusCode()).isEqualTo(200);
        }
    }

    private static void register(Rig rig, String type, String protocol) throws Exception {
        FakeInstance instance = rig.keep(new FakeInstance(ANSWERED));
        rig.register(type, instance.address(), Map.of("kv_protocol", protocol));
    }

    private static void assertReady(Rig rig) throws Exception {
        for (String path : List.of("/health", "/health/ready", "/health/live")) {
            HttpResponse<String> health = rig.get(path);
            assertThat(health.statusCode()).as(path).isEqualTo(200);
            assertThat(page(health).get("status").getAsString()).isEqualTo("ok");
            assertThat(reasons(health)).isEmpty();
        }
    }

    private static void assertNotReady(Rig rig, String... reasons) throws Exception {
        for (String path : List.of("/health", "/health/ready")) {
            HttpResponse<String> health = rig.get(path);
            assertThat(health.statusCode()).as(path).isEqualTo(503);
            assertThat(page(health).get("status").getAsString()).isEqualTo("unavailable");
            assertThat(reasons(health)).containsExactly(reasons);
        }
        assertThat(rig.get("/health/live").statusCode()).isEqualTo(200);
    }

    private static JsonObject page(HttpResponse<String> response) {
        return JsonParser.parseString(response.body()).getAsJsonObject();
    }

    private static List<String> reasons(HttpResponse<String> response) {
        List<String> reasons = new ArrayList<>();
        for (JsonElement each : page(response).getAsJsonArray("reasons")) {
            reasons.add(each.getAsString());
        }
        return reasons;
    }
}
