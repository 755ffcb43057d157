// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.djl.engine.KvMemory;
import io.kvlink.djl.generation.GenerationException;
import io.kvlink.djl.generation.GenerationException.Kind;
import io.kvlink.djl.generation.GenerationRequest;
import io.kvlink.djl.generation.GenerationResult;
import io.kvlink.djl.generation.GenerationResult.FinishReason;
import io.kvlink.djl.model.TinyModels;
import io.kvlink.djl.model.config.ModelLoadException;
import io.kvlink.djl.sampling.SampledToken;
import io.kvlink.djl.sampling.SamplingParams;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Wishes of clients beside tokens. */
@Timeout(120)
class WorkerSurfaceTest extends StartedWorkers {

    @BeforeAll
    static void writeModel() throws Exception {
        writeModel(1);
        Files.writeString(
                model.resolve("generation_config.json"),
                "{\"temperature\": 0.5, \"top_k\": 7, \"max_new_tokens\": 9}");
        Files.writeString(model.resolve("mine.jinja"), "{{ messages[0].content }}!");
    }

    private static GenerationRequest request(
            int[] prompt,
            int maxTokens,
            SamplingParams sampling,
            List<Integer> stopTokens,
            Optional<Duration> timeout) {
        return new GenerationRequest(
                "test",
                Optional.empty(),
                prompt,
                maxTokens,
                0,
                sampling,
                List.of(),
                stopTokens,
                true,
                timeout,
                false);
    }

    /** The tokenizer's longest token has this many bytes, each of its bytes a character. */
    @Test
    void shouldBoundAPromptByItsBytes() throws Exception {
        LlamaWorker worker = worker(Map.of());
        String longest = longestToken(worker);
        int most = worker.contextLength() - 1;
        assertThat(worker.maxPromptBytes()).isEqualTo(most * longest.length());
        assertThat(worker(Map.of("max_prompt_tokens", 10)).maxPromptBytes())
                .isEqualTo(10 * longest.length());
        int memory = 4 * KvMemory.BLOCK_TOKENS;
        assertThat(worker(Map.of("kv_cache_tokens", memory)).maxPromptBytes())
                .isEqualTo((memory - 1) * longest.length());
        assertThat(worker.encode(longest.repeat(most), false)).hasSizeGreaterThanOrEqualTo(most);
    }

    private static String longestToken(LlamaWorker worker) {
        return IntStream.range(0, 1024)
                .mapToObj(worker::decode)
                .max(Comparator.comparing(String::length))
                .orElseThrow();
    }

    @Test
    void shouldEndAtAStopTokenWithoutItsText() throws Exception {
        LlamaWorker worker = worker(Map.of());
        int[] prompt = Prompts.random(9, 9);
        Listening whole = new Listening();
        worker.submit(Prompts.request(prompt, 30, Prompts.SEEDED, Optional.empty()), whole);
        whole.result();
        int stop = whole.tokens.get(20);
        int at = whole.tokens.indexOf(stop);

        Listening cut = new Listening();
        worker.submit(request(prompt, 30, Prompts.SEEDED, List.of(stop), Optional.empty()), cut);
        GenerationResult result = cut.result();
        assertThat(result.finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(cut.tokens).isEqualTo(whole.tokens.subList(0, at + 1));
        assertThat(result.completionTokens()).isEqualTo(at + 1);
        int[] kept = whole.tokens.subList(0, at).stream().mapToInt(i -> i).toArray();
        assertThat(cut.text()).isEqualTo(worker.decode(kept));
    }

    @Test
    void shouldPenaliseAsTheSamplerAloneDoes() throws Exception {
        LlamaWorker worker = worker(Map.of());
        int[] prompt = Prompts.random(12, 3);
        SamplingParams sampling =
                new SamplingParams(
                        .8, .9, 0, .01, 1, 1, .5, Map.of(4, -50f), SamplingParams.NO_LOGPROBS, 3);
        Listening listening = new Listening();
        worker.submit(Prompts.request(prompt, 20, sampling, Optional.empty()), listening);
        listening.result();
        assertThat(listening.tokens)
                .isEqualTo(expected(prompt, 20, sampling))
                .isNotEqualTo(expected(prompt, 20, new SamplingParams(.8, .9, 0, 3)));
    }

    @Test
    void shouldTellLogprobsOfTheModelWhateverTheSampling() throws Exception {
        LlamaWorker worker = worker(Map.of());
        List<SampledToken> sampled = new CopyOnWriteArrayList<>();
        Listening listening =
                new Listening() {
                    @Override
                    public void onSampled(SampledToken token, String text, int offset) {
                        sampled.add(token);
                        super.onSampled(token, text, offset);
                    }
                };
        SamplingParams sampling = Prompts.SEEDED.withLogprobs(20);
        worker.submit(
                Prompts.request(Prompts.random(8, 2), 10, sampling, Optional.empty()), listening);
        listening.result();
        assertThat(sampled).hasSize(10);
        for (SampledToken token : sampled) {
            assertThat(token.hasLogprob()).isTrue();
            assertThat(token.top()).hasSize(20);
            double mass = token.top().stream().mapToDouble(top -> Math.exp(top.logprob())).sum();
            assertThat(mass).isBetween(20.0 / TinyModels.VOCABULARY, 1.0001);
            assertThat(token.logprob()).isLessThanOrEqualTo(token.top().get(0).logprob());
        }
        assertThat(listening.tokens).isEqualTo(sampled.stream().map(SampledToken::id).toList());
    }

    @Test
    void shouldFailWhatTakesTooLongAndFreeIt() throws Exception {
        LlamaWorker worker = worker(Map.of("max_running", 1));
        Listening running = new Listening();
        Listening waiting = new Listening();
        Optional<Duration> short1 = Optional.of(Duration.ofMillis(1));
        worker.submit(
                request(Prompts.random(50, 1), 200, SamplingParams.GREEDY, List.of(), short1),
                running);
        worker.submit(
                request(Prompts.random(50, 2), 200, SamplingParams.GREEDY, List.of(), short1),
                waiting);
        for (Listening late : List.of(running, waiting)) {
            GenerationException failure = late.failure();
            assertThat(failure.kind()).isEqualTo(Kind.TIMEOUT);
            assertThat(failure).hasMessageContaining("took longer than 0.001 s");
        }
        requireAllFree(worker);
    }

    @Test
    void shouldLimitTheTimeOfAllRequests() throws Exception {
        LlamaWorker worker = worker(Map.of("request_timeout_s", 0.001));
        Listening late = new Listening();
        worker.submit(
                request(
                        Prompts.random(50, 1),
                        200,
                        SamplingParams.GREEDY,
                        List.of(),
                        Optional.of(Duration.ofHours(1))),
                late);
        assertThat(late.failure().kind()).isEqualTo(Kind.TIMEOUT);
        requireAllFree(worker);
    }

    @Test
    void shouldRefuseLongPromptsAndUnknownBiases() {
        LlamaWorker worker = worker(Map.of("max_prompt_tokens", 10));
        assertThat(worker.maxPromptTokens()).isEqualTo(10);
        assertThatThrownBy(
                        () ->
                                worker.submit(
                                        Prompts.local(Prompts.random(11, 1), 1), new Listening()))
                .hasMessageContaining("promptTokens=11 max_prompt_tokens=10");
        SamplingParams biased = new SamplingParams(0, 1, 0, 0, 1, 0, 0, Map.of(96, 1f), -1, 0);
        assertThatThrownBy(
                        () ->
                                worker.submit(
                                        Prompts.request(new int[] {1}, 1, biased, Optional.empty()),
                                        new Listening()))
                .hasMessageContaining("logit_bias: token=96; expected 0..95");
    }

    @Test
    void shouldReadWhatTheAuthorsRecommendUnlessToldNotTo() {
        LlamaWorker auto = worker(Map.of());
        assertThat(auto.defaults().temperature()).hasValue(.5);
        assertThat(auto.defaults().topK()).hasValue(7);
        assertThat(auto.defaults().maxNewTokens()).hasValue(9);
        LlamaWorker none = worker(Map.of("generation_config", "none"));
        assertThat(none.defaults().temperature()).isEmpty();
        assertThatThrownBy(() -> worker(Map.of("generation_config", "some")))
                .hasMessageContaining("generation_config")
                .hasMessageContaining("auto");
    }

    @Test
    void shouldTakeATemplateFromAFile() {
        assertThat(worker(Map.of()).chatTemplate()).isEmpty();
        LlamaWorker worker = worker(Map.of("chat_template", "mine.jinja"));
        assertThat(
                        worker.chatTemplate()
                                .orElseThrow()
                                .render(
                                        List.of(Map.of("role", "user", "content", "a")),
                                        true,
                                        Map.of()))
                .isEqualTo("a!");
        assertThatThrownBy(() -> worker(Map.of("chat_template", "none.jinja")))
                .isInstanceOf(ModelLoadException.class)
                .hasMessageContaining("none.jinja");
    }

    @Test
    void shouldOfferNoMoreTokensThanThereIsMemoryFor() {
        assertThat(worker(Map.of()).maxTokens()).isEqualTo(TinyModels.CONTEXT);
        assertThat(worker(Map.of("kv_cache_tokens", 64)).maxTokens()).isEqualTo(64);
    }

    @Test
    void shouldGiveEachTokenItsText() {
        LlamaWorker worker = worker(Path.of("../samples/model"), Map.of());
        String text = "Once upon a time, \u00fcber <s>";
        int[] tokens = worker.encode(text, false);
        String joined =
                IntStream.of(tokens)
                        .mapToObj(token -> worker.tokenText(token).text())
                        .collect(Collectors.joining());
        // Halves of a character are U+FFFD each.
        assertThat(joined.replaceAll("\ufffd+", "\u00fc")).isEqualTo(text);
        assertThat(worker.encode(text)).hasSize(tokens.length + 1);
    }
}
