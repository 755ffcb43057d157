// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.kvlink.proxy.fleet.Beats;
import java.net.http.HttpResponse;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Instances that say more than their addresses, or have no address for KV. */
class AnnouncedInstancesTest {

    private static final String BODY = "{\"model\":\"m\",\"prompt\":\"a\"}";
    private static final FakeInstance.Script OK = talk -> talk.answer(200, "text/plain", "ok");

    @Test
    void shouldServeByAnInstanceWithoutAConnector() throws Exception {
        try (Rig rig = new Rig()) {
            FakeInstance whole = rig.keep(new FakeInstance(OK));
            assertThat(rig.get("/health").statusCode()).isEqualTo(503);
            announce(rig, whole.address());
            assertThat(rig.get("/health").statusCode()).isEqualTo(200);
            HttpResponse<String> answer = rig.post("/v1/completions", BODY);
            assertThat(answer.statusCode()).isEqualTo(200);
            FakeInstance.Talk asked = whole.next();
            assertThat(asked.header("X-Request-Id")).doesNotContain("___");
            assertThat(asked.body()).isEqualTo(BODY);
        }
    }

    @Test
    void shouldShowWhatAnInstanceSays() throws Exception {
        try (Rig rig = new Rig()) {
            announce(rig, "127.0.0.1:20009");
            JsonObject shown =
                    JsonParser.parseString(rig.get("/instances").body())
                            .getAsJsonObject()
                            .getAsJsonArray("instances")
                            .get(0)
                            .getAsJsonObject();
            assertThat(shown.get("zmq_address").isJsonNull()).isTrue();
            assertThat(shown.toString())
                    .contains(
                            "\"role\":\"none\",\"version\":\"0.2.0\",\"kv_protocol\":\"\","
                                    + "\"capabilities\":[\"store\"],\"queue\":1,\"running\":2,"
                                    + "\"free_kv_tokens\":3");
        }
    }

    @Test
    void shouldSayWhyInstancesAreNoPair() throws Exception {
        try (Rig rig = new Rig()) {
            rig.register("P", "127.0.0.1:1", Map.of("model", "m", "kv_protocol", "Any/3"));
            rig.register("D", "127.0.0.1:2", Map.of("model", "m", "kv_protocol", "Any/4"));
            HttpResponse<String> answer = rig.post("/v1/completions", BODY);
            assertThat(answer.statusCode()).isEqualTo(503);
            assertThat(answer.body()).contains("No two instances of model=m exchange KV; the");
        }
    }

    private static void announce(Rig rig, String http) throws Exception {
        Map<String, Object> beat = new HashMap<>();
        beat.put("type", "D");
        beat.put("http_address", http);
        beat.put("model", "m");
        beat.put("role", "none");
        beat.put("version", "0.2.0");
        beat.put("capabilities", List.of("store"));
        beat.put("queue", 1L);
        beat.put("running", 2L);
        beat.put("free_kv_tokens", 3L);
        rig.beats.dealer("whole").send(Beats.map(beat));
        assertThat(rig.proxy.awaitInstances(0, 1, Rig.DEADLINE)).isTrue();
    }
}
