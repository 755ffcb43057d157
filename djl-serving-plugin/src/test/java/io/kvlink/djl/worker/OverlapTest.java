// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.djl.generation.Generation;
import io.kvlink.djl.generation.GenerationException;
import io.kvlink.djl.generation.GenerationListener;
import io.kvlink.djl.generation.GenerationRequest;
import io.kvlink.djl.generation.GenerationResult.FinishReason;
import io.kvlink.djl.generation.WorkerHealth;
import io.kvlink.djl.model.TinyModels;
import io.kvlink.djl.sampling.SamplingParams;
import io.kvlink.djl.worker.config.WorkerConfig;
import io.kvlink.spi.KvConnectors;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Answers of a decoder that is ahead of its worker. */
@Timeout(120)
class OverlapTest {

    private static final int VOCABULARY = TinyModels.VOCABULARY;

    @TempDir static Path directory;
    private static Path model;

    private final List<LlamaWorker> workers = new ArrayList<>();
    private final List<FakeDecoder> decoders = new ArrayList<>();

    @BeforeAll
    static void writeModel() {
        model = TinyModels.write(directory.resolve("tiny"), 1);
    }

    @AfterEach
    void requireContractKept() {
        workers.forEach(LlamaWorker::close);
        decoders.forEach(decoder -> assertThat(decoder.memory.violations).isEmpty());
    }

    @AfterAll
    static void shouldLeaveNoThread() {
        Threads.requireNone("kv-");
    }

    private LlamaWorker worker(boolean overlaps, int blocks, Map<String, Object> settings) {
        return worker(
                overlaps,
                blocks,
                settings,
                () -> KvConnectors.load(OverlapTest.class.getClassLoader()));
    }

    private LlamaWorker worker(
            boolean overlaps,
            int blocks,
            Map<String, Object> settings,
            Supplier<KvConnectors> connectors) {
        Map<String, Object> all = new HashMap<>(settings);
        all.putIfAbsent("prefill_chunk", 16);
        FakeDecoder decoder = new FakeDecoder(overlaps, VOCABULARY, blocks, 8);
        decoders.add(decoder);
        LlamaWorker worker =
                LlamaWorker.start(WorkerConfig.of(model, all), spec -> decoder, connectors);
        workers.add(worker);
        return worker;
    }

    private static GenerationRequest request(
            int[] prompt, int maxTokens, int minTokens, long seed, List<Integer> stopTokens) {
        return new GenerationRequest(
                "test",
                Optional.empty(),
                prompt,
                maxTokens,
                minTokens,
                new SamplingParams(1, 1, 0, seed),
                List.of(),
                stopTokens,
                true,
                Optional.empty(),
                false);
    }

    /** A request, what it is to get, and what its client does. */
    private static final class Asked extends Listening {
        final GenerationRequest request;
        final List<Integer> expected;
        final int leavesAfter;
        volatile Generation generation;

        Asked(Random random) {
            int[] prompt = random.ints(1 + random.nextInt(60), 3, VOCABULARY).toArray();
            int maxTokens = 1 + random.nextInt(60);
            int minTokens = random.nextInt(8);
            long seed = random.nextInt(1000);
            List<Integer> stops =
                    random.nextBoolean()
                            ? List.of()
                            : random.ints(4, 3, VOCABULARY).boxed().distinct().toList();
            request = request(prompt, maxTokens, minTokens, seed, stops);
            int[] enders = stops.stream().mapToInt(Integer::intValue).toArray();
            expected = FakeDecoder.answer(prompt, maxTokens, seed, enders, minTokens, VOCABULARY);
            leavesAfter = random.nextInt(5) == 0 ? random.nextInt(20) : Integer.MAX_VALUE;
        }

        @Override
        public void onToken(int tokenId, String piece) {
            super.onToken(tokenId, piece);
            if (tokens.size() >= leavesAfter && generation != null) {
                generation.cancel();
            }
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void shouldGiveEachRequestItsAnswerWhateverTheOthersDo(boolean overlaps) throws Exception {
        long seed = System.nanoTime();
        System.out.println("seed=" + seed);
        Random random = new Random(seed);
        double preemptions = 0;
        for (int round = 0; round < 15; round++) {
            Map<String, Object> settings = new HashMap<>();
            settings.put("kv_growth_tokens", 1 + random.nextInt(40));
            settings.put("max_running", 1 + random.nextInt(12));
            settings.put("max_step_tokens", 1 + random.nextInt(64));
            settings.put("prefill_limit_ms", random.nextInt(2));
            settings.put("decode_batch", random.nextBoolean() ? "fast" : "exact");
            // From room for one long request up to room for many: many give way.
            LlamaWorker worker = worker(overlaps, 8 + random.nextInt(24), settings);
            List<Asked> all = new ArrayList<>();
            for (int i = 0; i < 24; i++) {
                Asked asked = new Asked(random);
                asked.generation = worker.submit(asked.request, asked);
                all.add(asked);
            }
            for (Asked asked : all) {
                if (asked.leavesAfter == Integer.MAX_VALUE) {
                    asked.result();
                    assertThat(asked.tokens).isEqualTo(asked.expected);
                } else {
                    // It may go on meanwhile.
                    List<Integer> heard = List.copyOf(asked.tokens);
                    assertThat(asked.expected.subList(0, heard.size())).isEqualTo(heard);
                }
            }
            preemptions += PreemptionTest.preemptions(worker);
            worker.close();
        }
        assertThat(preemptions).isPositive();
        int deepest = decoders.stream().mapToInt(decoder -> decoder.deepest).max().orElseThrow();
        assertThat(deepest > 1).isEqualTo(overlaps);
    }

    @Test
    void shouldComputeNoRowBehindTheLastTokenThatIsSure() throws Exception {
        LlamaWorker worker = worker(true, 16, Map.of());
        Listening listening = new Listening();
        int[] prompt = {5, 6, 7};
        worker.submit(request(prompt, 5, 0, 9, List.of()), listening);
        assertThat(listening.result().finishReason()).isEqualTo(FinishReason.LENGTH);
        assertThat(decoders.get(0).prefills).containsExactly(1);
        assertThat(decoders.get(0).batches).containsExactly(1, 1, 1, 1);
    }

    @Test
    void shouldComputeOneRowInVainBehindAStop() throws Exception {
        LlamaWorker worker = worker(true, 16, Map.of());
        int[] prompt = {5, 6, 7};
        List<Integer> whole = FakeDecoder.answer(prompt, 9, 9, new int[0], 0, VOCABULARY);
        int stop = whole.get(3);
        assertThat(whole.subList(0, 3)).doesNotContain(stop);
        Listening listening = new Listening();
        worker.submit(request(prompt, 9, 0, 9, List.of(stop)), listening);
        assertThat(listening.result().finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(listening.tokens).isEqualTo(whole.subList(0, 4));
        worker.close();
        assertThat(decoders.get(0).batches).containsExactly(1, 1, 1, 1);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void shouldFailTheRequestsOfACallThatFailsAndServeTheNext(boolean overlaps) throws Exception {
        LlamaWorker worker = worker(overlaps, 16, Map.of());
        Listening failing = new Listening();
        int[] poisoned = {5, FakeDecoder.POISON, 7};
        worker.submit(request(poisoned, 5, 0, 9, List.of()), failing);
        assertThat(failing.failure().kind()).isEqualTo(GenerationException.Kind.INTERNAL);
        Listening next = new Listening();
        int[] prompt = {5, 6, 7};
        worker.submit(request(prompt, 5, 0, 9, List.of()), next);
        next.result();
        assertThat(next.tokens)
                .isEqualTo(FakeDecoder.answer(prompt, 5, 9, new int[0], 0, VOCABULARY));
        worker.close();
    }

    /** Lets a worker admit requests together: its thread stands still until they are there. */
    private static final class Gate extends Listening {
        private final CountDownLatch submitted = new CountDownLatch(1);

        @Override
        public void onToken(int tokenId, String piece) {
            super.onToken(tokenId, piece);
            await(submitted);
        }

        static Gate of(LlamaWorker worker) throws Exception {
            Gate gate = new Gate();
            worker.submit(request(new int[] {5, 6, 7}, 2, 0, 9, List.of()), gate);
            gate.firstToken.get(60, TimeUnit.SECONDS);
            return gate;
        }
    }

    private static final int[] FINE = {5, 6, 7};

    private static List<Integer> answer(int[] prompt, int count, long seed) {
        return FakeDecoder.answer(prompt, count, seed, new int[0], 0, VOCABULARY);
    }

    @Test
    void shouldFailARefusedRequestAloneAndNothingElseOfItsCall() throws Exception {
        LlamaWorker worker = worker(true, 64, Map.of("max_step_tokens", 1000));
        Gate gate = Gate.of(worker);
        Listening refused = new Listening();
        Listening fine = new Listening();
        worker.submit(request(new int[] {5, FakeDecoder.REFUSED}, 5, 0, 9, List.of()), refused);
        worker.submit(request(FINE, 5, 0, 8, List.of()), fine);
        gate.submitted.countDown();
        assertThat(refused.failure().getCause()).hasMessage("refused");
        fine.result();
        assertThat(fine.tokens).isEqualTo(answer(FINE, 5, 8));
    }

    @Test
    void shouldNotRepeatACallOfWhichPickersMayHaveDrawn() throws Exception {
        LlamaWorker worker = worker(true, 64, Map.of("max_step_tokens", 1000));
        Gate gate = Gate.of(worker);
        Listening broken = new Listening();
        Listening beside = new Listening();
        worker.submit(request(new int[] {5, FakeDecoder.BROKEN}, 5, 0, 9, List.of()), broken);
        worker.submit(request(FINE, 5, 0, 8, List.of()), beside);
        gate.submitted.countDown();
        assertThat(broken.failure().getCause()).hasMessage("broken");
        assertThat(beside.failure().getCause()).hasMessage("broken");
        assertThat(gate.result().completionTokens()).isEqualTo(2);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void shouldFailOnlyTheRequestThatGetsNoPicker(boolean overlaps) throws Exception {
        LlamaWorker worker = worker(overlaps, 64, Map.of("max_step_tokens", 1000));
        Gate gate = Gate.of(worker);
        Listening scarce = new Listening();
        Listening fine = new Listening();
        worker.submit(request(FINE, 5, 0, FakeDecoder.SCARCE, List.of()), scarce);
        worker.submit(request(FINE, 5, 0, 8, List.of()), fine);
        gate.submitted.countDown();
        assertThat(scarce.failure().getCause()).hasMessage("no memory for a picker");
        fine.result();
        assertThat(fine.tokens).isEqualTo(answer(FINE, 5, 8));
    }

    @Test
    void shouldNotGoOnBehindATokenThatWasDroppedForAClientThatLeft() throws Exception {
        LlamaWorker worker = worker(true, 16, Map.of("kv_growth_tokens", 1));
        CountDownLatch submitted = new CountDownLatch(1);
        AtomicReference<Generation> leaving = new AtomicReference<>();
        // With its prompt it has one block; for the next one its KV is moved.
        Listening moved =
                new Listening() {
                    @Override
                    public void onToken(int tokenId, String piece) {
                        super.onToken(tokenId, piece);
                        await(submitted);
                        if (tokens.size() == 16 - 3 + 1) {
                            leaving.get().cancel();
                        }
                    }
                };
        worker.submit(request(FINE, 20, 0, 9, List.of()), moved);
        moved.firstToken.get(60, TimeUnit.SECONDS);
        Listening left = new Listening();
        leaving.set(worker.submit(request(new int[] {8}, 100, 0, 8, List.of()), left));
        submitted.countDown();
        moved.result();
        assertThat(moved.tokens).isEqualTo(answer(FINE, 20, 9));
        assertThat(left.tokens).isNotEmpty();
    }

    @Test
    void shouldNotReportACompleteAnswerAsFailed() throws Exception {
        LlamaWorker worker = worker(true, 64, Map.of());
        List<Integer> whole = answer(FINE, 4, 9);
        int stop = whole.get(3);
        assertThat(whole.subList(0, 3)).doesNotContain(stop);
        // The row behind the stop fails, and lands together with the one that picks it.
        decoders.get(0).poison = stop;
        Listening broken = new Listening();
        Listening complete =
                new Listening() {
                    @Override
                    public void onToken(int tokenId, String piece) {
                        super.onToken(tokenId, piece);
                        if (tokens.size() == 3) {
                            int[] prompt = {5, FakeDecoder.BROKEN};
                            worker.submit(request(prompt, 5, 0, 9, List.of()), broken);
                        }
                    }
                };
        worker.submit(request(FINE, 9, 0, 9, List.of(stop)), complete);
        assertThat(complete.result().finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(complete.tokens).isEqualTo(whole);
        assertThat(broken.failure().getCause()).hasMessage("broken");
    }

    @Test
    void shouldFailWhoseCallFailedAlsoIfTheConnectorFailsInThatStep() throws Exception {
        FakeConnector connector = new FakeConnector(new Wire(), 1, FakeConnector.Loading.IN_STEP);
        LlamaWorker worker =
                worker(
                        true,
                        64,
                        Map.of("kv_transfer_config", StartedWorkers.FAKE),
                        connector.installed());
        List<Integer> whole = answer(FINE, 4, 9);
        assertThat(whole.subList(0, 3)).doesNotContain(whole.get(3));
        decoders.get(0).poison = whole.get(3);
        Listening broken = new Listening();
        Listening failing =
                new Listening() {
                    @Override
                    public void onToken(int tokenId, String piece) {
                        super.onToken(tokenId, piece);
                        if (tokens.size() == 3) {
                            // The step of the next row reports, and that of this prompt doesn't.
                            connector.reports.set(1);
                            int[] prompt = {5, FakeDecoder.BROKEN};
                            worker.submit(request(prompt, 5, 0, 9, List.of()), broken);
                        }
                    }
                };
        worker.submit(request(FINE, 9, 0, 9, List.of()), failing);
        assertThat(failing.failure().getCause()).hasMessage("poisoned");
        assertThat(broken.failure().getCause()).hasMessage("broken");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void shouldServeAllWhenTheMemoryFailsToGrow(boolean overlaps) throws Exception {
        LlamaWorker worker = worker(overlaps, 16, Map.of("kv_growth_tokens", 16));
        decoders.get(0).memory.failsToGrow = true;
        Listening growing = new Listening();
        Listening small = new Listening();
        worker.submit(request(FINE, 60, 0, 9, List.of()), growing);
        worker.submit(request(FINE, 5, 0, 8, List.of()), small);
        small.result();
        growing.result();
        assertThat(small.tokens).isEqualTo(answer(FINE, 5, 8));
        assertThat(growing.tokens).isEqualTo(answer(FINE, 60, 9));
    }

    @Test
    void shouldAwaitWhatIsInFlightWhenItsThreadDies() throws Exception {
        LlamaWorker worker = worker(true, 64, Map.of());
        CountDownLatch ended = new CountDownLatch(1);
        GenerationListener fatal =
                new Listening() {
                    @Override
                    public void onToken(int tokenId, String piece) {
                        throw new OutOfMemoryError("made by the test");
                    }

                    @Override
                    public void onFailed(GenerationException failure) {
                        ended.countDown();
                    }
                };
        worker.submit(request(FINE, 50, 0, 9, List.of()), fatal);
        assertThat(ended.await(60, TimeUnit.SECONDS)).isTrue();
        worker.close();
        assertThat(worker.health().whyNotReady()).isNotEmpty();
    }

    @Test
    void shouldComputeThePromptsLastTokenByItselfWhereBitsCount() throws Exception {
        LlamaWorker worker = worker(true, 16, Map.of("decode_batch", "exact"));
        Listening listening = new Listening();
        worker.submit(request(new int[] {5, 6, 7}, 5, 0, 9, List.of()), listening);
        listening.result();
        assertThat(decoders.get(0).batches).containsExactly(1, 1, 1, 1, 1);
    }

    @ParameterizedTest
    @CsvSource({"fast,5", "exact,1"})
    void shouldComputeShortPromptsTogetherUnlessBitsCount(String batch, int together)
            throws Exception {
        LlamaWorker worker =
                worker(true, 64, Map.of("decode_batch", batch, "max_step_tokens", 1000));
        CountDownLatch submitted = new CountDownLatch(1);
        Listening first =
                new Listening() {
                    @Override
                    public void onToken(int tokenId, String piece) {
                        super.onToken(tokenId, piece);
                        await(submitted);
                    }
                };
        worker.submit(request(new int[] {5, 6, 7}, 2, 0, 9, List.of()), first);
        first.firstToken.get(60, TimeUnit.SECONDS);
        List<Listening> others = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            Listening listening = new Listening();
            worker.submit(request(new int[] {8, 9 + i, 10}, 3, 0, i, List.of()), listening);
            others.add(listening);
        }
        submitted.countDown();
        for (int i = 0; i < 5; i++) {
            others.get(i).result();
            int[] prompt = {8, 9 + i, 10};
            assertThat(others.get(i).tokens)
                    .isEqualTo(FakeDecoder.answer(prompt, 3, i, new int[0], 0, VOCABULARY));
        }
        assertThat(Collections.max(decoders.get(0).prefills)).isEqualTo(together);
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(60, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException cause) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void shouldNotLiveWhenItsDecoderIsLost() {
        LlamaWorker worker = worker(true, 16, Map.of());
        assertThat(worker.health()).isEqualTo(WorkerHealth.GOOD);
        decoders.get(0).lost = "device=gpu0 is lost; restart the process";
        assertThat(worker.health().whyNotLive())
                .containsExactly("device=gpu0 is lost; restart the process");
        assertThat(worker.health().whyNotReady()).isEqualTo(worker.health().whyNotLive());
    }

    @Test
    void shouldEndWhatIsInFlightWhenItIsClosed() throws Exception {
        LlamaWorker worker = worker(true, 64, Map.of());
        Listening listening = new Listening();
        worker.submit(request(new int[] {5, 6, 7}, 200, 0, 9, List.of()), listening);
        listening.firstToken.get(60, TimeUnit.SECONDS);
        worker.close();
        assertThat(listening.ended()).isTrue();
    }
}
