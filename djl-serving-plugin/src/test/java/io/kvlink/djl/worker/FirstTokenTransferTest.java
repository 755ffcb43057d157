// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.djl.generation.GenerationException;
import io.kvlink.djl.generation.GenerationListener;
import io.kvlink.djl.generation.GenerationRequest;
import io.kvlink.djl.generation.GenerationResult;
import io.kvlink.djl.generation.GenerationResult.FinishReason;
import io.kvlink.djl.model.ChainModels;
import io.kvlink.djl.sampling.SampledToken;
import io.kvlink.djl.sampling.SamplingParams;
import io.kvlink.djl.text.PromptAndAnswer;
import io.kvlink.djl.text.TokenizerKinds;
import io.kvlink.djl.worker.FakeConnector.Loading;
import io.kvlink.spi.StepPlan;
import io.kvlink.spi.TransferRoute;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** D answers from P's KV and P's first token as if it had computed all itself. */
@Timeout(120)
class FirstTokenTransferTest extends StartedWorkers {

    private long transfers;

    @BeforeAll
    static void writeModel() {
        writeModel(2);
    }

    @ParameterizedTest
    @EnumSource(names = {"IN_STEP", "ASYNC", "IN_STEP_LATE_REPORT"})
    void shouldComputeNothingOfThePrompt(Loading loading) throws Exception {
        LlamaWorker p = worker(P, Loading.IN_STEP, Map.of());
        LlamaWorker d = worker(D, loading, Map.of());
        for (int length : new int[] {2, 16, 17, 40, 100}) {
            for (SamplingParams sampling : List.of(SamplingParams.GREEDY, Prompts.SEEDED)) {
                int[] prompt = Prompts.random(length, length);
                Optional<TransferRoute> route = route();
                Listening atD = submit(d, Prompts.request(prompt, 15, sampling, route));
                Listening atP = submit(p, Prompts.request(prompt, 1, sampling, route));

                assertThat(atP.result().computedPromptTokens()).isEqualTo(length);
                assertThat(atD.result().computedPromptTokens()).isZero();
                assertThat(atD.result().loadedPromptTokens()).isEqualTo(length);
                assertThat(atD.result().completionTokens()).isEqualTo(15);
                assertThat(atD.tokens).isEqualTo(expected(prompt, 15, sampling));
            }
        }
        awaitAllFree(p);
        awaitAllFree(d);
    }

    @Test
    void shouldPenaliseTheFirstTokenThatCameToo() throws Exception {
        LlamaWorker p = worker(P, Loading.IN_STEP, Map.of());
        LlamaWorker d = worker(D, Loading.IN_STEP, Map.of());
        int[] prompt = Prompts.random(40, 7);
        Optional<TransferRoute> route = route();
        Listening answer = submit(d, Prompts.request(prompt, 200, Prompts.PENALISED, route));
        submit(p, Prompts.request(prompt, 1, Prompts.PENALISED, route));
        requireComputed(answer, 0, expected(prompt, 200, Prompts.PENALISED));
        assertThat(Set.copyOf(answer.tokens)).hasSizeGreaterThan(64);
    }

    @ParameterizedTest
    @EnumSource(names = {"IN_STEP", "ASYNC", "IN_STEP_LATE_REPORT"})
    void shouldEndWithTheFirstTokenWithoutADecode(Loading loading) throws Exception {
        LlamaWorker p = worker(P, Loading.IN_STEP, Map.of());
        LlamaWorker d = worker(D, loading, Map.of());
        int[] prompt = Prompts.random(40, 1);
        int first = expected(prompt, 1, SamplingParams.GREEDY).get(0);
        for (boolean stops : new boolean[] {false, true}) {
            Optional<TransferRoute> route = route();
            List<Integer> stopTokens = stops ? List.of(first) : List.of();
            Listening atD = submit(d, request(prompt, stops ? 9 : 1, 0, stopTokens, route));
            submit(p, request(prompt, 1, 0, stopTokens, route));

            assertThat(atD.result().finishReason())
                    .isEqualTo(stops ? FinishReason.STOP : FinishReason.LENGTH);
            assertThat(atD.tokens).containsExactly(first);
        }
        for (StepPlan plan : connectors.get(1).plans) {
            assertThat(plan.entries()).allMatch(entry -> entry.scheduledTokens() == 0);
        }
        awaitAllFree(d);
    }

    @ParameterizedTest
    @CsvSource({"true, false", "false, true", "false, false"})
    void shouldWorkWhereOneOfTheTwoDoesWithout(boolean atP, boolean atD) throws Exception {
        LlamaWorker p = worker(P, Loading.IN_STEP, Map.of("first_token_handoff", atP));
        LlamaWorker d = worker(D, Loading.IN_STEP, Map.of("first_token_handoff", atD));
        int[] prompt = Prompts.random(40, 2);
        Optional<TransferRoute> route = route();
        Listening answer = submit(d, Prompts.request(prompt, 12, Prompts.SEEDED, route));
        submit(p, Prompts.request(prompt, 1, Prompts.SEEDED, route));
        requireComputed(answer, 1, expected(prompt, 12, Prompts.SEEDED));
    }

    @Test
    void shouldChooseItselfWhatTheOtherOneCouldChooseOtherwise() throws Exception {
        LlamaWorker p = worker(P, Loading.IN_STEP, Map.of());
        LlamaWorker d = worker(D, Loading.IN_STEP, Map.of());
        int[] prompt = Prompts.random(40, 3);
        List<Integer> greedy = expected(prompt, 12, SamplingParams.GREEDY);

        Optional<TransferRoute> minimum = route();
        Listening longer = submit(d, request(prompt, 12, 5, List.of(greedy.get(0)), minimum));
        submit(p, request(prompt, 1, 1, List.of(greedy.get(0)), minimum));
        assertThat(longer.result().computedPromptTokens()).isEqualTo(1);
        assertThat(longer.tokens.get(0)).as("not before min_tokens").isNotEqualTo(greedy.get(0));

        Optional<TransferRoute> other = route();
        Listening sampled = submit(d, Prompts.request(prompt, 12, Prompts.SEEDED, other));
        submit(p, Prompts.request(prompt, 1, SamplingParams.GREEDY, other));
        requireComputed(sampled, 1, expected(prompt, 12, Prompts.SEEDED));
    }

    @ParameterizedTest
    @EnumSource(names = {"IN_STEP_GARBAGE", "ASYNC_GARBAGE"})
    void shouldForgetATokenWhoseKvDidNotCome(Loading loading) throws Exception {
        LlamaWorker p = worker(P, Loading.IN_STEP, Map.of());
        LlamaWorker d = worker(D, loading, Map.of());
        int[] prompt = Prompts.random(40, 4);
        Optional<TransferRoute> route = route();
        submit(p, Prompts.request(prompt, 1, SamplingParams.GREEDY, route)).result();
        Listening answer = submit(d, Prompts.request(prompt, 12, SamplingParams.GREEDY, route));
        requireComputed(answer, 40, expected(prompt, 12, SamplingParams.GREEDY));
    }

    @Test
    void shouldLoseNoMemoryWhenTheConnectorThrowsInsteadOfAToken() throws Exception {
        LlamaWorker p = worker(P, Loading.IN_STEP, Map.of());
        LlamaWorker d = worker(D, Loading.IN_STEP, Map.of());
        connectors.get(1).throwsOnAttachment = true;
        int[] prompt = Prompts.random(40, 6);
        Optional<TransferRoute> route = route();
        Listening answer = submit(d, Prompts.request(prompt, 12, SamplingParams.GREEDY, route));
        submit(p, Prompts.request(prompt, 1, SamplingParams.GREEDY, route));
        assertThat(answer.failure().kind()).isEqualTo(GenerationException.Kind.INTERNAL);
        awaitAllFree(d);
    }

    @Test
    void shouldTellTheSameLogProbabilities() throws Exception {
        LlamaWorker p = worker(P, Loading.IN_STEP, Map.of());
        LlamaWorker d = worker(D, Loading.IN_STEP, Map.of());
        int[] prompt = Prompts.random(40, 5);
        SamplingParams sampling = Prompts.SEEDED.withLogprobs(3);
        Optional<TransferRoute> route = route();
        Sampled atD = new Sampled();
        Sampled alone = new Sampled();
        d.submit(Prompts.request(prompt, 12, sampling, route), atD);
        submit(p, Prompts.request(prompt, 1, sampling, route));
        atD.result();
        d.submit(Prompts.request(prompt, 12, sampling, Optional.empty()), alone);
        alone.result();
        assertThat(atD.sampled).hasSize(12).isEqualTo(alone.sampled);
        assertThat(atD.sampled.get(0).top()).hasSize(3);
        assertThat(atD.result().computedPromptTokens()).isZero();
    }

    @ParameterizedTest
    @EnumSource(names = {"IN_STEP", "ASYNC"})
    void shouldFinishAllInATinyPoolAtBothEnds(Loading loading) throws Exception {
        LlamaWorker p = worker(P, Loading.IN_STEP, Map.of("kv_cache_tokens", 96));
        LlamaWorker d = worker(D, loading, Map.of("kv_cache_tokens", 96));
        List<Listening> atD = new ArrayList<>();
        List<Optional<TransferRoute>> routes = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            routes.add(route());
            int[] prompt = Prompts.random(20 + 3 * i, i);
            atD.add(submit(d, Prompts.request(prompt, 12, Prompts.SEEDED, routes.get(i))));
        }
        for (int i = 0; i < 16; i++) {
            int[] prompt = Prompts.random(20 + 3 * i, i);
            submit(p, Prompts.request(prompt, 1, Prompts.SEEDED, routes.get(i)));
        }
        for (int i = 0; i < 16; i++) {
            assertThat(atD.get(i).result().completionTokens()).isEqualTo(12);
            int[] prompt = Prompts.random(20 + 3 * i, i);
            assertThat(atD.get(i).tokens).isEqualTo(expected(prompt, 12, Prompts.SEEDED));
        }
        awaitAllFree(d);
    }

    /** The first token is half a character, and the prompt ends within one. */
    @Test
    void shouldGoOnWithTheTextOfTheFirstToken() throws Exception {
        TokenizerKinds kind = TokenizerKinds.BYTE_FALLBACK;
        Path chain =
                ChainModels.write(
                        directory.resolve("chain"),
                        kind,
                        List.of(
                                List.of("x", "▁Leo", "▁is", "</s>"),
                                List.of("<0xF0>", "<0x9F>", "<0x98>", "<0x80>", "▁ok", "</s>")));
        LlamaWorker p = worker(chain, P, Map.of());
        LlamaWorker d = worker(chain, D, Map.of());
        for (List<String> row :
                List.of(
                        List.of("x", " Leo is"),
                        List.of("<0xF0>", "😀 ok"),
                        List.of("<0x98>", "\uFFFD ok"))) {
            int[] prompt = PromptAndAnswer.ids(kind, List.of("<s>", "a", row.get(0)));
            Optional<TransferRoute> route = route();
            Listening atD = submit(d, chained(prompt, 9, route));
            Listening atP = submit(p, chained(prompt, 1, route));
            assertThat(atP.result().completionTokens()).isEqualTo(1);
            assertThat(atD.result().loadedPromptTokens()).isEqualTo(3);
            assertThat(atD.result().computedPromptTokens()).isZero();
            Listening alone = submit(d, chained(prompt, 9, Optional.empty()));
            assertThat(alone.result().finishReason()).isEqualTo(FinishReason.STOP);
            assertThat(alone.text()).isEqualTo(row.get(1));
            assertThat(atD.text()).isEqualTo(row.get(1));
        }
    }

    private static GenerationRequest chained(
            int[] prompt, int maxTokens, Optional<TransferRoute> route) {
        return new GenerationRequest(
                "test", route, prompt, maxTokens, 0, SamplingParams.GREEDY, List.of(), false);
    }

    private LlamaWorker worker(Path of, int port, Map<String, Object> settings) {
        FakeConnector connector = new FakeConnector(wire, port, Loading.IN_STEP);
        connector.attachments = true;
        return worker(of, connector, settings);
    }

    private static void requireComputed(Listening answer, int computed, List<Integer> tokens)
            throws Exception {
        assertThat(answer.result().computedPromptTokens()).isEqualTo(computed);
        assertThat(answer.tokens).isEqualTo(tokens);
    }

    private LlamaWorker worker(int port, Loading loading, Map<String, Object> settings) {
        FakeConnector connector = new FakeConnector(wire, port, loading);
        connector.attachments = true;
        return worker(connector, settings);
    }

    private Optional<TransferRoute> route() {
        return Prompts.route(P, D, ++transfers);
    }

    private static GenerationRequest request(
            int[] prompt,
            int maxTokens,
            int minTokens,
            List<Integer> stopTokens,
            Optional<TransferRoute> route) {
        return new GenerationRequest(
                "test",
                route,
                prompt,
                maxTokens,
                minTokens,
                SamplingParams.GREEDY,
                List.of(),
                stopTokens,
                true,
                Optional.empty(),
                false);
    }

    /** Keeps what was sampled, with its log-probabilities. */
    private static final class Sampled implements GenerationListener {
        private final Listening listening = new Listening();
        private final List<SampledToken> sampled = new ArrayList<>();

        @Override
        public void onToken(int tokenId, String text) {
            throw new IllegalStateException("without log-probabilities: " + tokenId);
        }

        @Override
        public void onSampled(SampledToken token, String text, int offset) {
            sampled.add(token);
            listening.onToken(token.id(), text);
        }

        @Override
        public void onFinished(GenerationResult result) {
            listening.onFinished(result);
        }

        @Override
        public void onFailed(GenerationException failure) {
            listening.onFailed(failure);
        }

        GenerationResult result() throws Exception {
            return listening.result();
        }
    }
}
