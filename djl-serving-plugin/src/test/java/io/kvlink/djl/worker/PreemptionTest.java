// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.djl.generation.Generation;
import io.kvlink.djl.generation.GenerationResult;
import io.kvlink.djl.sampling.SamplingParams;
import io.kvlink.djl.worker.FakeConnector.Loading;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

@Timeout(300)
class PreemptionTest extends StartedWorkers {

    @BeforeAll
    static void writeModel() {
        writeModel(3);
    }

    @Override
    LlamaWorker worker(Map<String, Object> settings) {
        return super.worker(growing(settings));
    }

    @Override
    LlamaWorker worker(FakeConnector connector, Map<String, Object> settings) {
        return super.worker(connector, growing(settings));
    }

    /** Adds settings with which memory grows by one block at a time. */
    private static Map<String, Object> growing(Map<String, Object> settings) {
        Map<String, Object> all = new HashMap<>(settings);
        all.putIfAbsent("kv_growth_tokens", 16);
        return all;
    }

    static Stream<SamplingParams> samplings() {
        return Stream.of(SamplingParams.GREEDY, Prompts.SEEDED, Prompts.PENALISED);
    }

    @ParameterizedTest
    @MethodSource("samplings")
    void shouldAnswerAsIfItHadNeverLostItsMemory(SamplingParams sampling) throws Exception {
        LlamaWorker worker = worker(Map.of("kv_cache_tokens", 256));
        List<Listening> all = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            all.add(submit(worker, prompt(i), 90, sampling, Optional.empty()));
        }
        for (int i = 0; i < 8; i++) {
            GenerationResult result = all.get(i).result();
            assertThat(all.get(i).tokens).isEqualTo(expected(prompt(i), 90, sampling));
            assertThat(result.computedPromptTokens()).isEqualTo(prompt(i).length);
        }
        assertThat(preemptions(worker)).isPositive();
        awaitAllFree(worker);
    }

    private static int[] prompt(int i) {
        return Prompts.random(10 + 7 * i, i);
    }

    @Test
    void shouldLetOneAnswerGrowOverTheWholePool() throws Exception {
        LlamaWorker worker = worker(Map.of("kv_cache_tokens", 128));
        int[] prompt = Prompts.random(20, 1);
        Listening whole = submit(worker, prompt, 108, Prompts.SEEDED, Optional.empty());
        Listening other = submit(worker, prompt(1), 60, Prompts.SEEDED, Optional.empty());
        whole.result();
        other.result();
        assertThat(whole.tokens).isEqualTo(expected(prompt, 108, Prompts.SEEDED));
        assertThat(other.tokens).isEqualTo(expected(prompt(1), 60, Prompts.SEEDED));
        awaitAllFree(worker);
    }

    @Test
    void shouldLetTheOldestGoOnWithoutAPause() throws Exception {
        LlamaWorker worker = worker(Map.of("kv_cache_tokens", 160));
        List<Listening> younger = new ArrayList<>();
        Listening oldest =
                new Listening() {
                    @Override
                    public void onFinished(GenerationResult result) {
                        // Those behind it need more than what it leaves them.
                        assertThat(younger).noneMatch(Listening::ended);
                        super.onFinished(result);
                    }
                };
        worker.submit(Prompts.local(Prompts.random(16, 1), 100), oldest);
        for (int i = 0; i < 3; i++) {
            younger.add(
                    submit(worker, Prompts.random(30, i), 110, Prompts.SEEDED, Optional.empty()));
        }
        oldest.result();
        for (Listening listening : younger) {
            assertThat(listening.result().completionTokens()).isEqualTo(110);
        }
        awaitAllFree(worker);
    }

    @Test
    void shouldTakeTheMemoryOfTheOneInTheWayOnly() throws Exception {
        // It has five blocks and will want one more; behind them are six times two.
        LlamaWorker worker = worker(Map.of("kv_cache_tokens", 16 * 17));
        int[] prompt = Prompts.random(63, 1);
        Listening grows = submit(worker, prompt, 25, Prompts.SEEDED, Optional.empty());
        List<Listening> younger = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            younger.add(submit(worker, Prompts.random(2, i), 30, Prompts.SEEDED, Optional.empty()));
        }
        grows.result();
        for (Listening listening : younger) {
            assertThat(listening.result().completionTokens()).isEqualTo(30);
        }
        assertThat(preemptions(worker)).isEqualTo(1);
        awaitAllFree(worker);
    }

    @ParameterizedTest
    @EnumSource(names = {"IN_STEP", "ASYNC"})
    void shouldComputeLoadedKvAgainThatWasGivenUp(Loading loading) throws Exception {
        LlamaWorker p = worker(new FakeConnector(wire, P, Loading.IN_STEP), Map.of());
        LlamaWorker d = worker(new FakeConnector(wire, D, loading), Map.of("kv_cache_tokens", 256));
        List<Listening> all = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            all.add(submit(d, prompt(i), 90, Prompts.SEEDED, Prompts.route(P, D, i)));
            submit(p, prompt(i), 1, Prompts.SEEDED, Prompts.route(P, D, i));
        }
        for (int i = 0; i < 8; i++) {
            all.get(i).result();
            assertThat(all.get(i).tokens).isEqualTo(expected(prompt(i), 90, Prompts.SEEDED));
        }
        assertThat(preemptions(d)).isPositive();
        awaitAllFree(d);
    }

    @Test
    void shouldNotMoveOrReuseBlocksThatTheConnectorStillReads() throws Exception {
        FakeConnector connector = new FakeConnector(wire, P, Loading.IN_STEP);
        connector.ownsBlocks = true;
        LlamaWorker p = worker(connector, Map.of("kv_cache_tokens", 256));
        int[] prompt = Prompts.random(40, 1);
        // The answer grows past blocks that belong to the transfer until the connector says more.
        Listening atP = submit(p, prompt, 60, Prompts.SEEDED, Prompts.route(P, D, 1));
        Listening beside = submit(p, prompt(3), 60, Prompts.SEEDED, Optional.empty());
        atP.result();
        beside.result();
        assertThat(atP.tokens).isEqualTo(expected(prompt, 60, Prompts.SEEDED));
        assertThat(p.status().freeTokens()).isLessThan(p.status().totalTokens());
        connector.release();
        awaitAllFree(p);
    }

    @Test
    void shouldEndWhateverComesInWhateverOrder() throws Exception {
        long seed = System.nanoTime();
        System.out.println("seed=" + seed);
        Random random = new Random(seed);
        LlamaWorker worker =
                worker(
                        Map.of(
                                "kv_cache_tokens", 16 * (8 + random.nextInt(12)),
                                "kv_growth_tokens", 1 + random.nextInt(40),
                                "max_batch", 1 + random.nextInt(8),
                                "max_step_tokens", 1 + random.nextInt(64)));
        List<Listening> kept = new ArrayList<>();
        List<int[]> prompts = new ArrayList<>();
        List<Integer> lengths = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            int[] prompt = Prompts.random(1 + random.nextInt(60), random.nextLong());
            int length = 1 + random.nextInt(60);
            Listening listening = new Listening();
            Generation generation =
                    worker.submit(
                            Prompts.request(prompt, length, Prompts.SEEDED, Optional.empty()),
                            listening);
            if (random.nextInt(4) == 0) {
                if (random.nextBoolean()) {
                    listening.firstToken.get(Listening.DEADLINE_S, TimeUnit.SECONDS);
                }
                generation.cancel();
            } else {
                kept.add(listening);
                prompts.add(prompt);
                lengths.add(length);
            }
        }
        for (int i = 0; i < kept.size(); i++) {
            kept.get(i).result();
            assertThat(kept.get(i).tokens)
                    .as("seed=%d request=%d", seed, i)
                    .isEqualTo(expected(prompts.get(i), lengths.get(i), Prompts.SEEDED));
        }
        awaitAllFree(worker);
    }

    static double preemptions(LlamaWorker worker) {
        return worker.metrics().scrape().stream()
                .filter(metric -> metric.getMetadata().getName().equals("kvlink_preemptions"))
                .map(CounterSnapshot.class::cast)
                .mapToDouble(counter -> counter.getDataPoints().get(0).getValue())
                .sum();
    }
}
