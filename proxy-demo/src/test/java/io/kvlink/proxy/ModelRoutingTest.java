// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Several models behind one proxy. */
class ModelRoutingTest {

    private static final FakeInstance.Script OK = talk -> talk.answer(200, "text/plain", "ok");

    // In the order of their registration.
    private static final String P_OF_A = "prefill_addr_127.0.0.1:21000_";
    private static final String P_OF_B = "prefill_addr_127.0.0.1:21001_";
    private static final String D_OF_A = "decode_addr_127.0.0.1:21002_";
    private static final String D_OF_B = "decode_addr_127.0.0.1:21003_";

    private final AtomicLong now = new AtomicLong();

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{'model':'a'}|a",
                "{'model':'b'}|b",
                "{'model' : 'b' , 'prompt':'a'}|b",
                "{'prompt':{'model':'a'},'model':'b'}|b",
                "{'mod\\u0065l':'\\u0062'}|b",
                "{'model':'a','model':'b'}|b",
                "{'model':'b','mode\\u006c':'a'}|a",
                "{'model':'b','model':null}|b",
                "{'Model':'a','model':'b'}|b"
            })
    void shouldSendARequestToInstancesOfItsModel(String body, String model) throws Exception {
        try (Rig rig = new Rig()) {
            FakeInstance prefill = rig.prefill(OK, "a", "b");
            FakeInstance decode = rig.decode(OK, "a", "b");
            for (int i = 0; i < 3; i++) {
                assertThat(post(rig, body).statusCode()).isEqualTo(200);
                String id = decode.next().header("X-Request-Id");
                assertThat(prefill.next().header("X-Request-Id")).isEqualTo(id);
                assertThat(id)
                        .contains(model.equals("a") ? P_OF_A : P_OF_B)
                        .contains(model.equals("a") ? D_OF_A : D_OF_B);
            }
        }
    }

    @Test
    void shouldTakeARequestWithoutAModelForTheOnlyOne() throws Exception {
        try (Rig rig = new Rig()) {
            rig.prefill(OK, "a");
            FakeInstance decode = rig.decode(OK, "a");
            for (String body : List.of("{}", "{'model':null}", "{'model':''}")) {
                assertThat(post(rig, body).statusCode()).isEqualTo(200);
                assertThat(decode.next().header("X-Request-Id")).startsWith("___prefill");
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"{}", "{'model':null}", "{'model':''}", "{'model':'a','model':''}"})
    void shouldAskWhichOfSeveralIsMeant(String body) throws Exception {
        try (Rig rig = new Rig()) {
            rig.prefill(OK, "org/b", "a");
            rig.decode(OK, "a", "org/b");
            HttpResponse<String> response = post(rig, body);
            assertThat(response.statusCode()).isEqualTo(400);
            assertThat(response.body())
                    .isEqualTo(error("model is missing; expected one of [org/b, a]", "null"));
        }
    }

    @Test
    void shouldSayThatNobodyServesAModel() throws Exception {
        try (Rig rig = new Rig()) {
            rig.prefill(OK, "a", "b");
            FakeInstance decode = rig.decode(OK, "a", "b");
            HttpResponse<String> response = post(rig, "{'model':'c'}");
            assertThat(response.statusCode()).isEqualTo(404);
            String expected = error("model=c; expected one of [a, b]", "\"model_not_found\"");
            assertThat(response.body()).isEqualTo(expected);
            assertThat(rig.get("/v1/models/c").body()).isEqualTo(expected);
            for (String name : List.of("é".repeat(100), "\\u00e9".repeat(100_000))) {
                assertThat(post(rig, "{'model':'" + name + "'}").body())
                        .contains("\"model=" + "é".repeat(60) + "…; expected");
            }
            assertThat(decode.seen()).isEmpty();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"{'model':5}", "{'model':{}}", "{'model':5,'model':'a'}"})
    void shouldLetAnInstanceRefuseAModelThatIsNoText(String body) throws Exception {
        try (Rig rig = new Rig(Map.of("dispatch", "serial"))) {
            FakeInstance.Script refuses = talk -> talk.answer(400, "text/plain", "model=5");
            rig.prefill(refuses, "a", "b");
            rig.decode(refuses, "a", "b");
            HttpResponse<String> response = post(rig, body);
            assertThat(response.statusCode()).isEqualTo(400);
            assertThat(response.body()).isEqualTo("model=5");
        }
    }

    @Test
    void shouldWaitForTheReturnOfAModel() throws Exception {
        Map<String, ?> settings = Map.of("expiry_ms", 86_400_000, "farewell_ms", 60_000);
        try (Rig rig = new Rig(settings, now::get)) {
            FakeInstance prefill = rig.prefill(OK, "a", "b");
            FakeInstance decode = rig.decode(OK, "a", "b");
            leave(rig, "D", decode, "b");
            // It doesn't come back at once.
            now.addAndGet(TimeUnit.SECONDS.toNanos(1));
            HttpResponse<String> half = post(rig, "{'model':'b'}");
            assertThat(half.statusCode()).isEqualTo(503);
            assertThat(half.body()).contains("No decode instance of model=b is registered");
            leave(rig, "P", prefill, "b");
            now.addAndGet(TimeUnit.SECONDS.toNanos(1));
            HttpResponse<String> whole = post(rig, "{'model':'b'}");
            assertThat(whole.statusCode()).isEqualTo(503);
            assertThat(whole.headers().firstValue("Retry-After")).hasValue("3");
            assertThat(whole.body())
                    .contains("No prefill and no decode instance of model=b", "\"no_instance\"");
            assertThat(rig.get("/v1/models/b").statusCode()).isEqualTo(503);
            // The other needs no name now.
            assertThat(rig.complete().statusCode()).isEqualTo(200);
            now.addAndGet(TimeUnit.SECONDS.toNanos(59) - 1);
            assertThat(rig.completeBy("b").statusCode()).isEqualTo(503);
            now.addAndGet(1);
            assertThat(rig.completeBy("b").statusCode()).isEqualTo(404);
            // Nobody at all is no reason to think that a model isn't served.
            leave(rig, "P", prefill, "a");
            leave(rig, "D", decode, "a");
            assertThat(rig.completeBy("c").statusCode()).isEqualTo(503);
        }
    }

    @Test
    void shouldPassEveryModelOnToInstancesThatNameNone() throws Exception {
        try (Rig rig = new Rig()) {
            rig.prefill(OK);
            FakeInstance decode = rig.decode(OK);
            for (String body : List.of("{'model':'a'}", "{'model':'b'}", "{}", "{'model':5}")) {
                assertThat(post(rig, body).statusCode()).isEqualTo(200);
                decode.next();
            }
            assertThat(rig.get("/v1/models/x").statusCode()).isEqualTo(200);
        }
    }

    @Test
    void shouldTakeAnInstanceThatNamesNoneForOneOfAnyModel() throws Exception {
        try (Rig rig = new Rig()) {
            FakeInstance named = rig.prefill(OK, "a");
            FakeInstance any = rig.prefill(OK);
            FakeInstance namedDecode = rig.decode(OK, "a");
            FakeInstance anyDecode = rig.decode(OK);
            for (int i = 0; i < 4; i++) {
                assertThat(rig.completeBy("other").statusCode()).isEqualTo(200);
                any.next();
                anyDecode.next();
            }
            assertThat(named.seen()).isEmpty();
            for (int i = 0; i < 4; i++) {
                assertThat(rig.completeBy("a").statusCode()).isEqualTo(200);
            }
            named.next();
            named.next();
            any.next();
            any.next();
            assertThat(namedDecode.seen()).hasSize(2);
            assertThat(anyDecode.seen()).hasSize(2);
        }
    }

    /** The turns of one model are nobody else's. */
    @ParameterizedTest
    @ValueSource(strings = {"ab", "aab", "abbb", "aabbbab"})
    void shouldReachEachPairOfEachModelEquallyOften(String order) throws Exception {
        Map<String, Integer> pairs = new ConcurrentHashMap<>();
        FakeInstance.Script counts =
                talk -> {
                    String id = talk.header("X-Request-Id");
                    pairs.merge(id.substring(0, id.length() - 32), 1, Integer::sum);
                    talk.answer(200, "text/plain", "ok");
                };
        try (Rig rig = new Rig()) {
            for (int i = 0; i < 2; i++) {
                rig.prefill(OK, "a", "b");
                rig.decode(counts, "a", "b");
            }
            int[] left = {8, 8};
            for (int i = 0; left[0] + left[1] > 0; i++) {
                char model = order.charAt(i % order.length());
                if (left[model - 'a'] > 0) {
                    left[model - 'a']--;
                    assertThat(rig.completeBy(String.valueOf(model)).statusCode()).isEqualTo(200);
                }
            }
        }
        assertThat(pairs).hasSize(8);
        assertThat(pairs.values()).containsOnly(2);
    }

    @Test
    void shouldLetDecodeServeTheModelAloneThatHasNoPrefill() throws Exception {
        try (Rig rig = new Rig(Map.of("decode_alone_without_prefill", true))) {
            rig.prefill(OK, "a");
            FakeInstance decode = rig.decode(OK, "a", "b");
            assertThat(rig.completeBy("a").statusCode()).isEqualTo(200);
            assertThat(decode.next().header("X-Request-Id")).startsWith("___prefill");
            assertThat(rig.completeBy("b").statusCode()).isEqualTo(200);
            assertThat(decode.next().header("X-Request-Id")).matches("[0-9a-f]{32}");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"/v1/models/org/b", "/v1/models/org%2Fb", "/v1/models/%6frg/b?x=1"})
    void shouldAskAnInstanceOfTheModelForIt(String path) throws Exception {
        try (Rig rig = new Rig()) {
            FakeInstance other = rig.decode(OK, "a");
            FakeInstance decode = rig.decode(OK, "org/b");
            for (int i = 0; i < 3; i++) {
                assertThat(rig.get(path).statusCode()).isEqualTo(200);
                assertThat(decode.next().requestLine()).isEqualTo("GET " + path + " HTTP/1.1");
            }
            assertThat(other.seen()).isEmpty();
        }
    }

    // ---- what the proxy says of itself ----

    @Test
    void shouldBeReadyAsSoonAsOneModelIs() throws Exception {
        try (Rig rig = new Rig()) {
            rig.prefill(OK, "a");
            rig.decode(OK, "b");
            HttpResponse<String> health = rig.get("/health/ready");
            assertThat(health.statusCode()).isEqualTo(503);
            assertThat(health.body())
                    .contains(
                            "[\"model=a: no decode instance is registered\","
                                    + "\"model=b: no prefill instance is registered\"]");
            rig.prefill(OK, "b");
            assertThat(rig.get("/health/ready").statusCode()).isEqualTo(200);
            assertThat(page(rig, "/kvlink/status").get("models").toString())
                    .isEqualTo(
                            "[{\"model\":\"a\",\"prefill\":1,\"decode\":0,\"ready\":false},"
                                    + "{\"model\":\"b\",\"prefill\":1,\"decode\":1,\"ready\":true}]");
            assertThat(rig.get("/instances").body()).contains("\"process\":7,\"model\":\"a\"");
            String gauge = "kvlink_proxy_model_instances{model=\"%s\",role=\"%s\"}";
            assertThat(rig.metric(gauge.formatted("b", "prefill"))).isEqualTo(1);
            assertThat(rig.metric(gauge.formatted("a", "decode"))).isZero();
            assertThat(rig.metric("kvlink_proxy_instances{role=\"prefill\"}")).isEqualTo(2);
        }
    }

    static void leave(Rig rig, String type, FakeInstance instance, String model) throws Exception {
        rig.beat(
                type,
                instance.address(),
                Map.of("model", model, "process", Rig.PROCESS, "bye", true),
                "left");
    }

    private static HttpResponse<String> post(Rig rig, String body) throws Exception {
        return rig.post("/v1/completions", body.replace('\'', '"'));
    }

    private static JsonObject page(Rig rig, String path) throws Exception {
        return JsonParser.parseString(rig.get(path).body()).getAsJsonObject();
    }

    /** Error body as an instance writes it. */
    private static String error(String message, String code) {
        return "{\"error\":{\"message\":\""
                + message
                + "\",\"type\":\"invalid_request_error\",\"param\":\"model\",\"code\":"
                + code
                + "}}";
    }
}
