// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.djl.generation.Generation;
import io.kvlink.djl.generation.GenerationException;
import io.kvlink.djl.generation.GenerationException.Kind;
import io.kvlink.djl.generation.GenerationRequest;
import io.kvlink.djl.generation.GenerationResult;
import io.kvlink.djl.generation.GenerationResult.FinishReason;
import io.kvlink.djl.model.TinyModels;
import io.kvlink.djl.sampling.SamplingParams;
import io.kvlink.djl.worker.config.WorkerConfig;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvConnectors;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class LlamaWorkerTest extends StartedWorkers {

    @BeforeAll
    static void writeModel() {
        writeModel(1);
    }

    @Test
    void shouldAnswerAsTheDecoderAloneDoes() throws Exception {
        LlamaWorker worker = worker(Map.of());
        for (int length : new int[] {1, 2, 16, 17, 18, 33, 100}) {
            int[] prompt = Prompts.random(length, length);
            for (SamplingParams sampling : List.of(SamplingParams.GREEDY, Prompts.SEEDED)) {
                Listening listening = new Listening();
                worker.submit(Prompts.request(prompt, 12, sampling, Optional.empty()), listening);
                GenerationResult result = listening.result();

                assertThat(listening.tokens).isEqualTo(expected(prompt, 12, sampling));
                assertThat(result.finishReason()).isEqualTo(FinishReason.LENGTH);
                assertThat(result.computedPromptTokens()).isEqualTo(length);
                assertThat(result.loadedPromptTokens()).isZero();
                assertThat(result.completionTokens()).isEqualTo(12);
                assertThat(result.ttftNanos())
                        .isPositive()
                        .isLessThanOrEqualTo(result.totalNanos());
            }
        }
        requireAllFree(worker);
    }

    @Test
    void shouldAnswerSixteenAtOnceAsItAnswersEach() throws Exception {
        LlamaWorker worker = worker(Map.of());
        List<Listening> all = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            Listening listening = new Listening();
            worker.submit(
                    Prompts.request(
                            Prompts.random(5 + 7 * i, i), 20, Prompts.SEEDED, Optional.empty()),
                    listening);
            all.add(listening);
        }
        for (int i = 0; i < 16; i++) {
            all.get(i).result();
            assertThat(all.get(i).tokens)
                    .isEqualTo(expected(Prompts.random(5 + 7 * i, i), 20, Prompts.SEEDED));
        }
        requireAllFree(worker);
    }

    @Test
    void shouldFinishAllInAPoolForTwo() throws Exception {
        LlamaWorker worker = worker(Map.of("kv_cache_tokens", 96));
        List<Listening> all = new ArrayList<>();
        for (int i = 0; i < 24; i++) {
            Listening listening = new Listening();
            worker.submit(Prompts.local(Prompts.random(10 + 3 * i, i), 8), listening);
            all.add(listening);
        }
        for (int i = 0; i < 24; i++) {
            assertThat(all.get(i).result().completionTokens()).isEqualTo(8);
        }
        requireAllFree(worker);
    }

    @Test
    void shouldLetARunningAnswerGoOnBesideALongPrompt() throws Exception {
        LlamaWorker worker = worker(Map.of("prefill_chunk", 1));
        Listening shortOne = new Listening();
        Listening longOne =
                new Listening() {
                    @Override
                    public void onFinished(GenerationResult result) {
                        // 200 chunks of one token took 200 turns, in which the other wrote 40.
                        assertThat(shortOne.ended()).isTrue();
                        super.onFinished(result);
                    }
                };
        worker.submit(Prompts.local(Prompts.random(200, 1), 1), longOne);
        worker.submit(Prompts.local(Prompts.random(1, 2), 40), shortOne);
        shortOne.result();
        longOne.result();
    }

    @Test
    void shouldLetAShortPromptPassALongOneButNotForEver() throws Exception {
        // One token of one prompt a turn: the oldest and the shortest in turns.
        LlamaWorker worker = worker(Map.of("prefill_chunk", 1, "max_step_tokens", 1));
        List<Listening> shortOnes = new ArrayList<>();
        Listening longOne =
                new Listening() {
                    @Override
                    public void onFinished(GenerationResult result) {
                        // Of 400 turns it had each second one; the others were 20 for each of 20.
                        assertThat(shortOnes.get(0).ended()).isTrue();
                        assertThat(shortOnes.get(19).ended()).isFalse();
                        super.onFinished(result);
                    }
                };
        worker.submit(Prompts.local(Prompts.random(200, 1), 1), longOne);
        for (int i = 0; i < 20; i++) {
            Listening shortOne = new Listening();
            shortOnes.add(shortOne);
            worker.submit(Prompts.local(Prompts.random(22, i), 1), shortOne);
        }
        longOne.result();
        for (Listening shortOne : shortOnes) {
            shortOne.result();
        }
    }

    @Test
    void shouldComputeSeveralPromptsATurnIfTheBudgetAllows() throws Exception {
        LlamaWorker worker = worker(Map.of("max_step_tokens", 64));
        List<Listening> all = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            Listening listening = new Listening();
            worker.submit(Prompts.local(Prompts.random(40, i), 5), listening);
            all.add(listening);
        }
        for (int i = 0; i < 8; i++) {
            all.get(i).result();
            assertThat(all.get(i).tokens)
                    .isEqualTo(expected(Prompts.random(40, i), 5, SamplingParams.GREEDY));
        }
        requireAllFree(worker);
    }

    @Test
    void shouldCapTheAnswerByTheContext() throws Exception {
        LlamaWorker worker = worker(Map.of());
        Listening listening = new Listening();
        worker.submit(Prompts.local(Prompts.random(TinyModels.CONTEXT - 3, 5), 1000), listening);
        assertThat(listening.result().completionTokens()).isEqualTo(3);
    }

    @Test
    void shouldRefuseWhatCanNeverBeAnswered() {
        LlamaWorker worker = worker(Map.of("kv_cache_tokens", 32));
        requireInvalid(worker, Prompts.local(new int[0], 1), "promptTokens=0");
        requireInvalid(
                worker,
                Prompts.local(Prompts.random(TinyModels.CONTEXT, 1), 1),
                "promptTokens=256 contextLength=256");
        requireInvalid(worker, Prompts.local(new int[] {1, 96}, 1), "token=96; expected 0..95");
        requireInvalid(worker, Prompts.local(new int[] {1}, 0), "max_tokens=0");
        requireInvalid(
                worker,
                Prompts.local(Prompts.random(30, 1), 3),
                "promptTokens=30 max_tokens=3 kv_cache_tokens=32");
    }

    private static void requireInvalid(
            LlamaWorker worker, GenerationRequest request, String message) {
        assertThatThrownBy(() -> worker.submit(request, new Listening()))
                .isInstanceOfSatisfying(
                        GenerationException.class,
                        failure -> assertThat(failure.kind()).isEqualTo(Kind.INVALID))
                .hasMessageContaining(message);
    }

    @Test
    void shouldEndAtTheEndTokenButNotBeforeTheMinimum() throws Exception {
        // With this seed the end token comes early when nothing forbids it.
        LlamaWorker worker = worker(Map.of());
        SamplingParams hot = new SamplingParams(100, 1, 0, 3);
        int[] prompt = Prompts.random(4, 4);
        Listening free = new Listening();
        worker.submit(answer(prompt, 200, 0, hot, List.of()), free);
        GenerationResult ended = free.result();
        assertThat(ended.finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(free.tokens.get(free.tokens.size() - 1)).isEqualTo(2);
        assertThat(free.tokens.indexOf(2)).isEqualTo(free.tokens.size() - 1);

        int more = ended.completionTokens() + 5;
        Listening bound = new Listening();
        worker.submit(answer(prompt, 200, more, hot, List.of()), bound);
        assertThat(bound.result().completionTokens()).isGreaterThanOrEqualTo(more);
        assertThat(bound.tokens.subList(0, more - 1)).doesNotContain(2);
    }

    @Test
    void shouldEndBeforeAStopString() throws Exception {
        LlamaWorker worker = worker(Map.of());
        int[] prompt = Prompts.random(9, 9);
        Listening whole = new Listening();
        worker.submit(answer(prompt, 60, 0, Prompts.SEEDED, List.of()), whole);
        whole.result();
        String text = whole.text();
        String stop = text.substring(text.length() / 2, text.length() / 2 + 3);

        Listening cut = new Listening();
        worker.submit(answer(prompt, 60, 0, Prompts.SEEDED, List.of("\u0000", stop)), cut);
        assertThat(cut.result().finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(cut.text()).isEqualTo(text.substring(0, text.indexOf(stop)));
    }

    private static GenerationRequest answer(
            int[] prompt, int max, int min, SamplingParams sampling, List<String> stop) {
        return new GenerationRequest(
                "test", Optional.empty(), prompt, max, min, sampling, stop, false);
    }

    @Test
    void shouldFreeWhatIsCancelledAndSayNoMore() throws Exception {
        LlamaWorker worker = worker(Map.of("kv_cache_tokens", 256));
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
        Listening next = new Listening();
        // Needs the whole pool, so it ends only if the other's memory came back.
        worker.submit(Prompts.local(Prompts.random(250, 2), 6), next);
        next.result();
        assertThat(leaving.tokens).hasSize(1);
        assertThat(leaving.ended()).isFalse();
        requireAllFree(worker);
    }

    @Test
    void shouldSurviveAListenerThatThrows() throws Exception {
        LlamaWorker worker = worker(Map.of());
        Listening bad =
                new Listening() {
                    @Override
                    public void onToken(int tokenId, String piece) {
                        throw new IllegalArgumentException("a listener's defect");
                    }
                };
        Listening good = new Listening();
        worker.submit(Prompts.local(Prompts.random(4, 1), 10), bad);
        worker.submit(Prompts.local(Prompts.random(4, 1), 10), good);
        assertThat(bad.failure().kind()).isEqualTo(Kind.INTERNAL);
        assertThat(good.result().completionTokens()).isEqualTo(10);
        requireAllFree(worker);
    }

    @Test
    void shouldFailAllWhenClosed() throws Exception {
        LlamaWorker worker = worker(Map.of("max_running", 1));
        List<Listening> all = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            Listening listening = new Listening();
            worker.submit(Prompts.local(Prompts.random(50, i), 200), listening);
            all.add(listening);
        }
        all.get(0).firstToken.get(Listening.DEADLINE_S, TimeUnit.SECONDS);
        worker.close();
        worker.close();
        assertThat(all.get(7).failure().kind()).isEqualTo(Kind.CLOSED);
        assertThat(all).allMatch(Listening::ended);
        assertThatThrownBy(() -> worker.submit(Prompts.local(new int[] {1}, 1), new Listening()))
                .isInstanceOfSatisfying(
                        GenerationException.class,
                        failure -> assertThat(failure.kind()).isEqualTo(Kind.CLOSED));
        assertThatThrownBy(() -> worker.encode("text")).hasMessageContaining("closed");
        assertThat(worker.status().freeTokens()).isEqualTo(worker.status().totalTokens());
    }

    @Test
    void shouldNameTheJarOfAMissingConnector() {
        String json = "{\"kv_connector\":\"P2pNcclConnector\",\"kv_role\":\"kv_both\"}";
        WorkerConfig config = WorkerConfig.of(model, Map.of("kv_transfer_config", json));
        assertThatThrownBy(
                        () ->
                                LlamaWorker.start(
                                        config, () -> KvConnectors.of(List.of(), List.of())))
                .isInstanceOf(KvConnectorException.class)
                .hasMessageContaining("put the jar kvlink-connector-p2p-nccl");
    }
}
