// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.kvlink.cuda.Gpu;
import io.kvlink.djl.generation.Generation;
import io.kvlink.djl.generation.GenerationRequest;
import io.kvlink.djl.generation.GenerationResult.FinishReason;
import io.kvlink.djl.sampling.SampledToken;
import io.kvlink.djl.sampling.SamplingParams;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A worker whose decoder returns before the work is done. */
@Timeout(120)
class CudaWorkerGpuIT extends StartedWorkers {
    private static final int[] PROMPT = Prompts.random(30, 4);

    @BeforeAll
    static void writeModel() {
        assumeTrue(Gpu.availability().ready(), Gpu.availability().reason());
        writeModel(1);
    }

    private LlamaWorker worker(int kvTokens, Map<String, Object> others) {
        Map<String, Object> settings = new HashMap<>(others);
        settings.put("device", "gpu0");
        settings.put("dtype", "float32");
        settings.put("kv_cache_tokens", kvTokens);
        settings.put("kv_growth_tokens", 16);
        return worker(settings);
    }

    @Test
    void shouldGiveTheSameAnswersWithLittleMemory() throws Exception {
        LlamaWorker roomy = worker(4096, Map.of());
        LlamaWorker narrow = worker(320, Map.of());
        for (SamplingParams sampling :
                List.of(SamplingParams.GREEDY, Prompts.SEEDED, Prompts.PENALISED)) {
            List<List<Integer>> wanted = answers(roomy, sampling);
            assertThat(answers(narrow, sampling)).isEqualTo(wanted);
        }
        assertThat(PreemptionTest.preemptions(roomy)).isZero();
        assertThat(PreemptionTest.preemptions(narrow)).isPositive();
        awaitAllFree(narrow);
        awaitAllFree(roomy);
    }

    private static List<List<Integer>> answers(LlamaWorker worker, SamplingParams sampling)
            throws Exception {
        List<Listening> all = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            int[] prompt = Prompts.random(5 + 9 * i, i);
            all.add(submit(worker, prompt, 100, sampling, Optional.empty()));
        }
        List<List<Integer>> answers = new ArrayList<>();
        for (Listening listening : all) {
            assertThat(listening.result().completionTokens()).isEqualTo(100);
            answers.add(List.copyOf(listening.tokens));
        }
        return answers;
    }

    @Test
    void shouldFreeTheMemoryOfACancelledRequest() throws Exception {
        LlamaWorker worker = worker(256, Map.of());
        CompletableFuture<Generation> accepted = new CompletableFuture<>();
        Listening leaving =
                new Listening() {
                    @Override
                    public void onToken(int tokenId, String piece) {
                        super.onToken(tokenId, piece);
                        accepted.orTimeout(DEADLINE_S, TimeUnit.SECONDS).join().cancel();
                    }
                };
        accepted.complete(worker.submit(Prompts.local(Prompts.random(40, 1), 200), leaving));
        // Needs all the memory, so it ends only if the other's came back.
        submit(worker, Prompts.local(Prompts.random(250, 2), 6)).result();
        assertThat(leaving.tokens).hasSize(1);
        assertThat(leaving.ended()).isFalse();
        awaitAllFree(worker);
    }

    @Test
    void shouldEndBeforeAStopText() throws Exception {
        LlamaWorker worker = worker(1024, Map.of());
        Listening whole = submit(worker, Prompts.local(PROMPT, 40));
        assertThat(whole.result().finishReason()).isEqualTo(FinishReason.LENGTH);
        String text = whole.text();
        String stop = text.substring(text.length() / 2, text.length() / 2 + 4);
        Listening stopped = submit(worker, request(0, List.of(stop), List.of()));
        assertThat(stopped.result().finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(stopped.text()).isEqualTo(text.substring(0, text.indexOf(stop)));
        assertThat(stopped.result().completionTokens()).isLessThan(40);
    }

    @Test
    void shouldNotEndBeforeTheFewestTokens() throws Exception {
        LlamaWorker worker = worker(1024, Map.of());
        Listening whole = submit(worker, Prompts.local(PROMPT, 40));
        assertThat(whole.result().completionTokens()).isEqualTo(40);
        int ender = whole.tokens.get(5);
        Listening ended = submit(worker, request(0, List.of(), List.of(ender)));
        assertThat(ended.result().finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(ended.result().completionTokens()).isLessThanOrEqualTo(6);
        Listening longer = submit(worker, request(15, List.of(), List.of(ender)));
        assertThat(longer.result().completionTokens()).isGreaterThanOrEqualTo(15);
        assertThat(longer.tokens.subList(0, 14)).doesNotContain(ender);
        int first = whole.tokens.indexOf(ender);
        assertThat(longer.tokens.subList(0, first)).isEqualTo(whole.tokens.subList(0, first));
    }

    private static GenerationRequest request(int minTokens, List<String> stop, List<Integer> ends) {
        return new GenerationRequest(
                "test",
                Optional.empty(),
                PROMPT,
                40,
                minTokens,
                SamplingParams.GREEDY,
                stop,
                ends,
                true,
                Optional.empty(),
                false);
    }

    @Test
    void shouldTellOfLogprobs() throws Exception {
        LlamaWorker worker = worker(1024, Map.of());
        List<SampledToken> sampled = new CopyOnWriteArrayList<>();
        Listening listening =
                new Listening() {
                    @Override
                    public void onSampled(SampledToken token, String text, int offset) {
                        sampled.add(token);
                    }
                };
        SamplingParams sampling = SamplingParams.GREEDY.withLogprobs(5);
        worker.submit(Prompts.request(PROMPT, 20, sampling, Optional.empty()), listening);
        listening.result();
        assertThat(sampled).hasSize(20);
        for (SampledToken token : sampled) {
            assertThat(token.top()).hasSize(5);
            assertThat(token.top().get(0).id()).isEqualTo(token.id());
            assertThat(token.top().get(0).logprob()).isEqualTo(token.logprob());
            assertThat(token.top())
                    .isSortedAccordingTo(
                            Comparator.comparingDouble(
                                    (SampledToken.TokenLogprob each) -> -each.logprob()));
            assertThat(token.top().stream().mapToDouble(each -> Math.exp(each.logprob())).sum())
                    .isBetween(.01, 1.0001);
        }
        assertThat(submitted(worker).tokens)
                .isEqualTo(sampled.stream().map(SampledToken::id).toList());
    }

    private static Listening submitted(LlamaWorker worker) throws Exception {
        Listening listening = submit(worker, Prompts.local(PROMPT, 20));
        listening.result();
        return listening;
    }
}
