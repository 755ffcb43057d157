// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Instances that take nothing now, or not any more. */
class DrainTest {

    private static final String BODY = "{\"prompt\":\"a\"}";
    private static final FakeInstance.Script PREFILLED =
            talk -> talk.answer(200, "application/json", "{\"prefilled\":true}");
    private static final FakeInstance.Script ANSWERED =
            talk -> talk.answer(200, "application/json", "{\"answer\":true}");
    private static final FakeInstance.Script DIES = talk -> talk.socket().close();

    private final AtomicLong now = new AtomicLong();

    private static FakeInstance.Script says(int status) {
        return talk -> talk.answer(status, "text/plain", "no");
    }

    private static FakeInstance.Script says(int status, int retryAfter, String body) {
        return talk ->
                talk.answer(status, "Content-Type: text/x", "Retry-After: " + retryAfter, body);
    }

    @ParameterizedTest
    @CsvSource({"503,concurrent", "404,concurrent", "429,concurrent", "503,serial", "404,serial"})
    void shouldAskEveryDecodeInstanceOnceUntilOneAnswers(int status, String dispatch)
            throws Exception {
        try (Rig rig = new Rig(Map.of("dispatch", dispatch))) {
            FakeInstance prefill = rig.prefill(PREFILLED);
            List<FakeInstance> refusing = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                refusing.add(rig.decode(says(status)));
            }
            FakeInstance good = rig.decode(ANSWERED);
            for (int i = 0; i < 4; i++) {
                refusing.forEach(each -> each.become(says(status)));
                HttpResponse<String> response = rig.complete();
                assertThat(response.statusCode()).isEqualTo(200);
                assertThat(response.body()).isEqualTo("{\"answer\":true}");
            }
            Set<String> ids = new HashSet<>();
            int calls = 0;
            for (FakeInstance each : refusing) {
                assertThat(each.seen()).hasSizeLessThanOrEqualTo(4);
                each.seen().forEach(talk -> ids.add(talk.header("X-Request-Id")));
                calls += each.seen().size();
            }
            good.seen().forEach(talk -> ids.add(talk.header("X-Request-Id")));
            assertThat(good.seen()).hasSize(4);
            // Each try has an id of its own.
            assertThat(ids).hasSize(calls + 4);
            assertThat(calls).isPositive();
            assertThat(rig.metric("kvlink_proxy_decode_retries_total")).isEqualTo(calls);
            for (int i = 0; i < 4; i++) {
                prefill.next();
            }
        }
    }

    /** A prefill instance's work for one that refused is for nobody. */
    @Test
    void shouldEndThePrefillForADecodeInstanceThatRefused() throws Exception {
        CompletableFuture<Boolean> saw = new CompletableFuture<>();
        CountDownLatch prefilling = new CountDownLatch(1);
        try (Rig rig = new Rig()) {
            rig.prefill(
                    talk -> {
                        if (talk.header("X-Request-Id").contains("127.0.0.1:21001_")) {
                            prefilling.countDown();
                            saw.complete(talk.sawDisconnect());
                        } else {
                            PREFILLED.run(talk);
                        }
                    });
            rig.decode(
                    talk -> {
                        boolean go = prefilling.await(20, TimeUnit.SECONDS);
                        talk.answer(go ? 503 : 500, "text/plain", "no");
                    });
            rig.decode(ANSWERED);
            assertThat(rig.complete().statusCode()).isEqualTo(200);
            assertThat(saw.get(20, TimeUnit.SECONDS)).isTrue();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {503, 429})
    void shouldPassTheLastRefusalOnAsItCame(int status) throws Exception {
        try (Rig rig = new Rig()) {
            rig.prefill(PREFILLED);
            List<FakeInstance> all = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                all.add(rig.decode(says(status, 10 + i, "body " + i)));
            }
            HttpResponse<String> response = rig.complete();
            assertThat(response.statusCode()).isEqualTo(status);
            String after = response.headers().firstValue("Retry-After").orElseThrow();
            assertThat(response.body()).isEqualTo("body " + (Integer.parseInt(after) - 10));
            assertThat(response.headers().firstValue("Content-Type")).hasValue("text/x");
            for (FakeInstance each : all) {
                assertThat(each.seen()).hasSize(1);
            }
        }
    }

    /** Nobody knows the path, or the model: that is the client's to know. */
    @Test
    void shouldPassOnThatNobodyFindsIt() throws Exception {
        try (Rig rig = new Rig()) {
            rig.prefill(says(404));
            rig.decode(says(404));
            rig.decode(talk -> talk.answer(404, "text/plain", "nowhere"));
            HttpResponse<String> response = rig.complete();
            assertThat(response.statusCode()).isEqualTo(404);
            assertThat(response.body()).isIn("no", "nowhere");
        }
    }

    @Test
    void shouldNotTakeADrainingFleetForAMistakeOfTheClient() throws Exception {
        try (Rig rig = new Rig()) {
            rig.prefill(PREFILLED);
            rig.decode(says(503, 17, "draining"));
            rig.decode(says(404));
            HttpResponse<String> response = rig.complete();
            // The second is the last one asked.
            assertThat(response.statusCode()).isEqualTo(503);
            assertThat(response.headers().firstValue("Retry-After")).hasValue("17");
            assertThat(response.body()).contains("\"code\":\"unavailable\"");
        }
    }

    @Test
    void shouldSayThatAllDrainIfTheLastOneCannotBeReached() throws Exception {
        try (Rig rig = new Rig()) {
            rig.prefill(PREFILLED);
            rig.decode(says(503, 17, "draining"));
            rig.register("D", FakeInstance.refusing());
            HttpResponse<String> response = rig.complete();
            assertThat(response.statusCode()).isEqualTo(503);
            assertThat(response.headers().firstValue("Retry-After")).hasValue("17");
        }
    }

    /** The goodbye of an instance overtakes its answer. */
    @Test
    void shouldNotPassOnThatAnInstanceThatHasLeftFindsNothing() throws Exception {
        CountDownLatch left = new CountDownLatch(1);
        try (Rig rig = new Rig()) {
            rig.prefill(PREFILLED, "m");
            FakeInstance decode =
                    rig.decode(
                            talk -> {
                                boolean go = left.await(20, TimeUnit.SECONDS);
                                talk.answer(go ? 404 : 500, "text/plain", "no");
                            },
                            "m");
            CompletableFuture<HttpResponse<String>> response = rig.later(BODY);
            decode.next();
            rig.beat(
                    "D",
                    decode.address(),
                    Map.of("model", "m", "process", Rig.PROCESS, "bye", true),
                    "left");
            left.countDown();
            HttpResponse<String> answer = response.get(20, TimeUnit.SECONDS);
            assertThat(answer.statusCode()).isEqualTo(503);
            assertThat(answer.body()).contains("\"code\":\"no_instance\"", "of model=m");
            assertThat(answer.headers().firstValue("Retry-After")).hasValue("3");
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {503, 404, 429})
    void shouldAskEveryPrefillInstanceOnceUntilOneAnswers(int status) throws Exception {
        try (Rig rig = new Rig(Map.of("dispatch", "serial"))) {
            List<FakeInstance> refusing = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                refusing.add(rig.prefill(says(status)));
            }
            FakeInstance good = rig.prefill(PREFILLED);
            FakeInstance decode = rig.decode(ANSWERED);
            HttpResponse<String> response = rig.complete();
            assertThat(response.statusCode()).isEqualTo(200);
            String id = decode.next().header("X-Request-Id");
            assertThat(good.next().header("X-Request-Id")).isEqualTo(id);
            assertThat(decode.seen()).isEmpty();
            for (FakeInstance each : refusing) {
                assertThat(each.seen()).hasSizeLessThanOrEqualTo(1);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {503, 404, 429})
    void shouldComputeAloneIfEveryPrefillInstanceRefuses(int status) throws Exception {
        try (Rig rig = new Rig(Map.of("dispatch", "serial"))) {
            List<FakeInstance> all = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                all.add(rig.prefill(says(status)));
            }
            FakeInstance decode = rig.decode(ANSWERED);
            assertThat(rig.complete().statusCode()).isEqualTo(200);
            assertThat(decode.next().header("X-Request-Id")).matches("[0-9a-f]{32}");
            for (FakeInstance each : all) {
                assertThat(each.seen()).hasSize(1);
            }
            assertThat(rig.metric("kvlink_proxy_prefill_retries_total")).isEqualTo(2);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"P", "D"})
    void shouldTryEveryInstanceThatCannotBeReached(String type) throws Exception {
        try (Rig rig = new Rig(Map.of("skip_after_connect_failure_ms", 0))) {
            for (int i = 0; i < 3; i++) {
                rig.register(type, FakeInstance.refusing());
            }
            FakeInstance prefill = rig.prefill(PREFILLED);
            rig.decode(ANSWERED);
            for (int i = 0; i < 4; i++) {
                HttpResponse<String> response = rig.complete();
                assertThat(response.statusCode()).isEqualTo(200);
            }
            for (int i = 0; i < 4; i++) {
                prefill.next();
            }
            assertThat(rig.metric("kvlink_proxy_decode_alone_total{reason=\"prefill_failed\"}"))
                    .isZero();
        }
    }

    /** The request itself may end them. */
    @Test
    void shouldNotSendARequestAroundThatInstancesDieOf() throws Exception {
        try (Rig rig = new Rig()) {
            rig.prefill(PREFILLED);
            List<FakeInstance> all = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                all.add(rig.decode(DIES));
            }
            assertThat(rig.complete().statusCode()).isEqualTo(502);
            assertThat(all.stream().mapToInt(each -> each.seen().size()).sum()).isEqualTo(2);
        }
    }

    @Test
    void shouldAvoidAnInstanceForAsLongAsItSays() throws Exception {
        Map<String, ?> settings =
                Map.of("skip_after_connect_failure_ms", 5_000, "expiry_ms", 86_400_000);
        try (Rig rig = new Rig(settings, now::get)) {
            rig.prefill(PREFILLED);
            FakeInstance draining = rig.decode(says(503, 2, "draining"));
            rig.decode(ANSWERED);
            assertThat(asked(rig, draining)).isEqualTo(1);
            assertThat(rig.get("/instances").body()).contains("\"skipped\":true");
            now.addAndGet(TimeUnit.MILLISECONDS.toNanos(1_999));
            assertThat(asked(rig, draining)).isEqualTo(1);
            now.addAndGet(TimeUnit.MILLISECONDS.toNanos(1));
            draining.become(says(503, 3_600, "draining"));
            assertThat(asked(rig, draining)).isEqualTo(2);
            // Nobody is avoided for longer than the setting says.
            now.addAndGet(TimeUnit.MILLISECONDS.toNanos(4_999));
            assertThat(asked(rig, draining)).isEqualTo(2);
            now.addAndGet(TimeUnit.MILLISECONDS.toNanos(1));
            draining.become(
                    talk -> talk.answer(503, "Retry-After: Fri, 31 Dec 1999 23:59:59 GMT", "", ""));
            assertThat(asked(rig, draining)).isEqualTo(3);
            now.addAndGet(TimeUnit.SECONDS.toNanos(1));
            assertThat(asked(rig, draining)).isEqualTo(4);
        }
    }

    /** Number of calls to an instance when enough requests for a turn of it have passed. */
    private static int asked(Rig rig, FakeInstance instance) throws Exception {
        for (int i = 0; i < 4; i++) {
            assertThat(rig.complete().statusCode()).isEqualTo(200);
        }
        return instance.seen().size();
    }

    @ParameterizedTest
    @ValueSource(strings = {"/v1/models", "/v1/models/m"})
    void shouldAskAnotherForTheModels(String path) throws Exception {
        try (Rig rig = new Rig()) {
            rig.decode(says(503), "m");
            rig.decode(says(404), "m");
            rig.register("D", FakeInstance.refusing(), Map.of("model", "m"));
            rig.decode(talk -> talk.answer(200, "text/plain", "models"), "m");
            for (int i = 0; i < 4; i++) {
                assertThat(rig.get(path).body()).isEqualTo("models");
            }
        }
    }
}
