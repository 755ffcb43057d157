// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.djl.generation.Generation;
import io.kvlink.djl.generation.GenerationException;
import io.kvlink.djl.generation.GenerationException.Kind;
import io.kvlink.djl.generation.GenerationResult;
import io.kvlink.djl.sampling.SamplingParams;
import io.kvlink.djl.worker.FakeConnector.Loading;
import io.kvlink.spi.KvError;
import io.kvlink.spi.TransferOutcome;
import io.kvlink.spi.TransferRoute;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Timeout(120)
class KvTransferTest extends StartedWorkers {

    @BeforeAll
    static void writeModel() {
        writeModel(2);
    }

    @ParameterizedTest
    @EnumSource(names = {"IN_STEP", "ASYNC", "IN_STEP_LATE_REPORT"})
    void shouldAnswerFromLoadedKvAsIfComputedHere(Loading loading) throws Exception {
        LlamaWorker p = worker(prefill(), Map.of());
        LlamaWorker d = worker(decode(loading), Map.of());
        long id = 0;
        for (int length : new int[] {1, 2, 17, 40, 100}) {
            for (SamplingParams sampling : List.of(SamplingParams.GREEDY, Prompts.SEEDED)) {
                int[] prompt = Prompts.random(length, length);
                Optional<TransferRoute> route = Prompts.route(P, D, ++id);
                Listening atD = submit(d, prompt, 15, sampling, route);
                Listening atP = submit(p, prompt, 1, sampling, route);

                assertThat(atP.result().computedPromptTokens()).isEqualTo(length);
                GenerationResult result = atD.result();
                List<Integer> expected = expected(prompt, 15, sampling);
                assertThat(atD.tokens).isEqualTo(expected);
                assertThat(atP.tokens).isEqualTo(expected.subList(0, 1));
                assertThat(result.computedPromptTokens()).isEqualTo(1);
                assertThat(result.loadedPromptTokens()).isEqualTo(length - 1);
                assertThat(result.transfer().isPresent()).isEqualTo(length > 1);
            }
        }
        requireAllFree(p);
        requireAllFree(d);
    }

    @Test
    void shouldComputeTheRestBehindAPartialLoadWithTheSameBits() throws Exception {
        LlamaWorker p = worker(prefill(), Map.of());
        LlamaWorker d = worker(decode(Loading.ASYNC_FIRST_HALF), Map.of());
        int[] prompt = Prompts.random(100, 3);
        Optional<TransferRoute> route = Prompts.route(P, D, 1);
        Listening atD = submit(d, prompt, 10, SamplingParams.GREEDY, route);
        submit(p, prompt, 1, SamplingParams.GREEDY, route).result();

        assertThat(atD.result().loadedPromptTokens()).isEqualTo(48);
        assertThat(atD.result().computedPromptTokens()).isEqualTo(52);
        assertThat(atD.tokens).isEqualTo(expected(prompt, 10, SamplingParams.GREEDY));
    }

    @Test
    void shouldSaveEachLayerOfEachChunkOnce() throws Exception {
        FakeConnector connector = prefill();
        LlamaWorker p = worker(connector, Map.of());
        submit(p, Prompts.random(40, 1), 1, SamplingParams.GREEDY, Prompts.route(P, D, 1)).result();
        submit(p, Prompts.random(40, 1), 1, SamplingParams.GREEDY, Optional.empty()).result();
        assertThat(connector.saves)
                .containsExactly(
                        "0:0..16",
                        "1:0..16",
                        "2:0..16",
                        "0:16..32",
                        "1:16..32",
                        "2:16..32",
                        "0:32..39",
                        "1:32..39",
                        "2:32..39");
    }

    @Test
    void shouldNotLetLateKvStallOthers() throws Exception {
        wire.open(false);
        LlamaWorker p = worker(prefill(), Map.of());
        LlamaWorker d = worker(decode(Loading.IN_STEP), Map.of());
        int[] prompt = Prompts.random(30, 1);
        Optional<TransferRoute> route = Prompts.route(P, D, 1);
        Listening late = submit(d, prompt, 5, SamplingParams.GREEDY, route);
        submit(p, prompt, 1, SamplingParams.GREEDY, route).result();
        Listening other =
                submit(d, Prompts.random(30, 2), 5, SamplingParams.GREEDY, Optional.empty());

        other.result();
        assertThat(late.ended()).isFalse();
        assertThat(d.status().waiting()).isEqualTo(1);
        wire.open(true);
        assertThat(late.result().loadedPromptTokens()).isEqualTo(29);
    }

    @ParameterizedTest
    @EnumSource(names = {"REFUSED", "IN_STEP_GARBAGE", "ASYNC_GARBAGE", "ASYNC_NEVER"})
    void shouldComputeHereWhatDoesNotCome(Loading loading) throws Exception {
        LlamaWorker d = worker(decode(loading), Map.of("load_deadline_s", 0.05));
        int[] prompt = Prompts.random(50, 1);
        Listening listening = submit(d, prompt, 10, SamplingParams.GREEDY, Prompts.route(P, D, 1));

        GenerationResult result = listening.result();
        assertThat(listening.tokens).isEqualTo(expected(prompt, 10, SamplingParams.GREEDY));
        assertThat(result.loadedPromptTokens()).isZero();
        assertThat(result.computedPromptTokens()).isEqualTo(50);
        String error = loading == Loading.ASYNC_NEVER ? "DEADLINE" : "PEER_LOST";
        assertThat(result.transfer().flatMap(TransferOutcome::failure))
                .contains(KvError.valueOf(error));
        assertThat(exposed(d))
                .contains("kvlink_recomputes_total{error=\"%s\"} 1.0".formatted(error))
                .contains("kvlink_kv_load_failures_total{error=\"%s\"} 1.0".formatted(error));
        requireAllFree(d);
    }

    @Test
    void shouldComputeHereInOtherMemoryWhileTheConnectorKeepsTheFirst() throws Exception {
        FakeConnector connector = decode(Loading.ASYNC_GARBAGE);
        connector.ownsBlocks = true;
        LlamaWorker d = worker(connector, Map.of());
        int[] prompt = Prompts.random(50, 1);
        Listening listening = submit(d, prompt, 10, SamplingParams.GREEDY, Prompts.route(P, D, 1));

        listening.result();
        assertThat(listening.tokens).isEqualTo(expected(prompt, 10, SamplingParams.GREEDY));
        assertThat(d.status().freeTokens()).isEqualTo(d.status().totalTokens() - 64);
        connector.release();
        awaitAllFree(d);
    }

    @ParameterizedTest
    @EnumSource(names = {"REFUSED", "IN_STEP_GARBAGE", "ASYNC_GARBAGE"})
    void shouldFailWhatDoesNotComeIfThePolicySaysSo(Loading loading) throws Exception {
        String json =
                "{\"kv_connector\":\"Fake\",\"kv_role\":\"kv_consumer\","
                        + "\"kv_load_failure_policy\":\"fail\"}";
        LlamaWorker d = worker(decode(loading), Map.of("kv_transfer_config", json));
        Listening listening =
                submit(d, Prompts.random(50, 1), 10, SamplingParams.GREEDY, Prompts.route(P, D, 1));

        GenerationException failure = listening.failure();
        assertThat(failure.kind()).isEqualTo(Kind.KV_LOAD);
        assertThat(failure)
                .hasMessageContaining("error=PEER_LOST(%d) peer=gone", KvError.PEER_LOST.number());
        assertThat(listening.tokens).isEmpty();
        assertThat(exposed(d)).contains("kvlink_kv_load_failures_total{error=\"PEER_LOST\"} 1.0");
        awaitAllFree(d);
    }

    @Test
    void shouldFailOnlyTheStepThatThrows() throws Exception {
        LlamaWorker d = worker(decode(Loading.IN_STEP_THROWS), Map.of());
        Listening running =
                submit(d, Prompts.random(9, 1), 150, SamplingParams.GREEDY, Optional.empty());
        Listening broken =
                submit(d, Prompts.random(50, 1), 10, SamplingParams.GREEDY, Prompts.route(P, D, 1));

        assertThat(broken.failure().kind()).isEqualTo(Kind.INTERNAL);
        assertThat(broken.failure()).hasRootCauseMessage("no layer 1");
        assertThat(running.result().completionTokens()).isEqualTo(150);
        awaitAllFree(d);
    }

    @Test
    void shouldFailOnlyThePromptWhoseSaveThrows() throws Exception {
        FakeConnector connector = prefill();
        connector.throwsOnSave = true;
        LlamaWorker p = worker(connector, Map.of());
        Listening local =
                submit(p, Prompts.random(9, 1), 50, SamplingParams.GREEDY, Optional.empty());
        Listening broken =
                submit(p, Prompts.random(40, 1), 1, SamplingParams.GREEDY, Prompts.route(P, D, 1));
        assertThat(broken.failure().kind()).isEqualTo(Kind.INTERNAL);
        assertThat(local.result().completionTokens()).isEqualTo(50);
        awaitAllFree(p);
    }

    @Test
    void shouldKeepBlocksWhileTheConnectorOwnsThem() throws Exception {
        FakeConnector connector = prefill();
        connector.ownsBlocks = true;
        LlamaWorker p = worker(connector, Map.of());
        submit(p, Prompts.random(40, 1), 1, SamplingParams.GREEDY, Prompts.route(P, D, 1)).result();
        assertThat(p.status().running()).isZero();
        assertThat(p.status().freeTokens()).isEqualTo(p.status().totalTokens() - 48);
        connector.release();
        awaitAllFree(p);
    }

    @Test
    void shouldFreeOwnedBlocksWhenClosed() throws Exception {
        FakeConnector connector = prefill();
        connector.ownsBlocks = true;
        LlamaWorker p = worker(connector, Map.of());
        submit(p, Prompts.random(40, 1), 1, SamplingParams.GREEDY, Prompts.route(P, D, 1)).result();
        p.close();
        requireAllFree(p);
    }

    @ParameterizedTest
    @EnumSource(names = {"IN_STEP", "ASYNC"})
    void shouldFreeWhatIsCancelledWhileItsKvIsOnTheWay(Loading loading) throws Exception {
        LlamaWorker d = worker(decode(loading), Map.of("kv_cache_tokens", 256));
        Listening leaving = new Listening();
        Generation generation =
                d.submit(
                        Prompts.request(
                                Prompts.random(200, 1),
                                20,
                                SamplingParams.GREEDY,
                                Prompts.route(P, D, 1)),
                        leaving);
        generation.cancel();
        submit(d, Prompts.random(250, 2), 6, SamplingParams.GREEDY, Optional.empty()).result();
        assertThat(leaving.ended()).isFalse();
        requireAllFree(d);
    }

    @Test
    void shouldFreeWhatIsCancelledWhileItsBlocksFill() throws Exception {
        FakeConnector connector = decode(Loading.ASYNC);
        connector.ownsBlocks = true;
        LlamaWorker d = worker(connector, Map.of("kv_cache_tokens", 256));
        Listening leaving = new Listening();
        Generation generation =
                d.submit(
                        Prompts.request(
                                Prompts.random(200, 1),
                                20,
                                SamplingParams.GREEDY,
                                Prompts.route(P, D, 1)),
                        leaving);
        assertThat(connector.allocated.await(Listening.DEADLINE_S, TimeUnit.SECONDS)).isTrue();
        generation.cancel();
        Listening next =
                submit(d, Prompts.random(250, 2), 6, SamplingParams.GREEDY, Optional.empty());
        assertThat(connector.finished.await(Listening.DEADLINE_S, TimeUnit.SECONDS)).isTrue();
        awaitTurns(connector, 3);
        // The connector still fills the blocks, so the next one has to wait for them.
        assertThat(d.status().freeTokens()).isEqualTo(256 - 224);
        assertThat(d.status().waiting()).isEqualTo(1);
        connector.release();
        next.result();
        assertThat(leaving.ended()).isFalse();
    }

    @Test
    void shouldRefuseMoreThanTheQueueHolds() throws Exception {
        wire.open(false);
        LlamaWorker d = worker(decode(Loading.IN_STEP), Map.of("max_queued_requests", 2));
        List<Listening> waiting = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            waiting.add(
                    submit(
                            d,
                            Prompts.random(9, i),
                            1,
                            SamplingParams.GREEDY,
                            Prompts.route(P, D, i)));
        }
        assertThatThrownBy(
                        () ->
                                submit(
                                        d,
                                        Prompts.random(9, 3),
                                        1,
                                        SamplingParams.GREEDY,
                                        Optional.empty()))
                .isInstanceOfSatisfying(
                        GenerationException.class,
                        failure -> assertThat(failure.kind()).isEqualTo(Kind.OVERLOADED))
                .hasMessageContaining("waiting=2 max_queued_requests=2");
        d.close();
        for (Listening listening : waiting) {
            assertThat(listening.failure().kind()).isEqualTo(Kind.CLOSED);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"IN_STEP", "ASYNC"})
    void shouldFinishAllInATinyPoolAtBothEnds(Loading loading) throws Exception {
        LlamaWorker p = worker(prefill(), Map.of("kv_cache_tokens", 96));
        LlamaWorker d = worker(decode(loading), Map.of("kv_cache_tokens", 96));
        List<Listening> atD = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            atD.add(
                    submit(
                            d,
                            Prompts.random(20 + 3 * i, i),
                            12,
                            Prompts.SEEDED,
                            Prompts.route(P, D, i)));
        }
        for (int i = 0; i < 16; i++) {
            submit(p, Prompts.random(20 + 3 * i, i), 1, Prompts.SEEDED, Prompts.route(P, D, i));
        }
        for (int i = 0; i < 16; i++) {
            assertThat(atD.get(i).result().computedPromptTokens()).isEqualTo(1);
            assertThat(atD.get(i).tokens)
                    .isEqualTo(expected(Prompts.random(20 + 3 * i, i), 12, Prompts.SEEDED));
        }
        requireAllFree(d);
    }

    @Test
    void shouldExposeItsFiguresAndTheConnectors() throws Exception {
        LlamaWorker p = worker(prefill(), Map.of());
        LlamaWorker d = worker(decode(Loading.IN_STEP), Map.of());
        int[] prompt = Prompts.random(30, 1);
        Optional<TransferRoute> route = Prompts.route(P, D, 1);
        submit(p, prompt, 1, SamplingParams.GREEDY, route).result();
        submit(d, prompt, 5, SamplingParams.GREEDY, route).result();

        assertThat(exposed(p)).contains("kvlink_prompt_tokens_total{source=\"computed\"} 30.0");
        assertThat(exposed(d))
                .contains(
                        "kvlink_requests_total{outcome=\"length\"} 1.0",
                        "kvlink_prompt_tokens_total{source=\"computed\"} 1.0",
                        "kvlink_prompt_tokens_total{source=\"loaded\"} 29.0",
                        "kvlink_generated_tokens_total 5.0",
                        "kvlink_ttft_seconds_count 1",
                        "kvlink_tpot_seconds_count 1",
                        "kvlink_requests_waiting 0.0",
                        "kvlink_requests_running 0.0",
                        "kvlink_kv_tokens_free 16384.0",
                        "kvlink_connector_moved_bytes_total{way=\"in\"} 7.0",
                        "kvlink_connector_moved_bytes_total{way=\"out\"} 8.0",
                        "kvlink_connector_peers 2.0");
    }

    private void awaitTurns(FakeConnector connector, int turns) {
        int plans = connector.plans.size() + turns;
        long deadlineNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(Listening.DEADLINE_S);
        while (connector.plans.size() < plans) {
            wire.changed();
            assertThat(System.nanoTime()).isLessThan(deadlineNs);
        }
    }

    private static String exposed(LlamaWorker worker) throws Exception {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        new PrometheusTextFormatWriter(false).write(out, worker.metrics().scrape());
        return out.toString(StandardCharsets.UTF_8);
    }
}
