// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.djl.generation.TextGenerator;
import io.kvlink.djl.sampling.SamplingParams;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Tokens of a decode instance with received KV, which are exactly those of a single instance. */
@Timeout(value = 600, unit = TimeUnit.SECONDS)
class TokenParityTest {

    private static final int PROMPTS = 100;
    // Lengths that are certain, and twenty at random.
    private static final int FEW = 32;
    private static final int ANSWER = 8;

    private static final List<int[]> prompts = new ArrayList<>();
    private static final List<List<Integer>> greedy = new ArrayList<>();
    private static final List<List<Integer>> seeded = new ArrayList<>();

    @BeforeAll
    static void computeOnOneInstance() {
        Random random = new Random(20261122);
        try (Cluster cluster = new Cluster()) {
            TextGenerator one = cluster.aggregated();
            FactQuestions questions = new FactQuestions(11);
            for (int i = 0; i < PROMPTS; i++) {
                prompts.add(prompt(one, questions, random, length(i, random)));
            }
            List<CompletableFuture<Completion>> first = new ArrayList<>();
            List<CompletableFuture<Completion>> second = new ArrayList<>();
            for (int i = 0; i < PROMPTS; i++) {
                first.add(
                        Cluster.submit(
                                one,
                                Optional.empty(),
                                prompts.get(i),
                                SamplingParams.GREEDY,
                                ANSWER));
                second.add(
                        Cluster.submit(one, Optional.empty(), prompts.get(i), sampling(i), ANSWER));
            }
            first.forEach(answer -> greedy.add(Cluster.await(answer).tokens()));
            second.forEach(answer -> seeded.add(Cluster.await(answer).tokens()));
            assertThat(greedy).isNotEqualTo(seeded);
        }
    }

    @AfterAll
    static void forget() {
        prompts.clear();
        greedy.clear();
        seeded.clear();
    }

    @ParameterizedTest
    @CsvSource({
        "PUT_ASYNC, true, " + PROMPTS,
        "PUT, true, " + FEW,
        "GET, true, " + FEW,
        "PUT_ASYNC, false, " + FEW
    })
    void shouldWriteTheSameTokensFromReceivedKv(String sendType, boolean firstToken, int count) {
        try (Cluster cluster = new Cluster()) {
            // All prompts come at once, and those behind may wait long on a busy machine.
            Map<String, Object> settings = Map.of("send_type", sendType, "transfer_timeout_s", 110);
            TextGenerator prefill = cluster.prefill(settings);
            TextGenerator decode =
                    cluster.decode(
                            settings,
                            Map.of("first_token_handoff", firstToken, "load_deadline_s", 115));
            List<CompletableFuture<Completion>> greedyAnswers = new ArrayList<>();
            List<CompletableFuture<Completion>> seededAnswers = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                greedyAnswers.add(
                        cluster.ask(
                                prefill, decode, prompts.get(i), SamplingParams.GREEDY, ANSWER));
                seededAnswers.add(
                        cluster.ask(prefill, decode, prompts.get(i), sampling(i), ANSWER));
            }
            for (int i = 0; i < count; i++) {
                check(i, Cluster.await(greedyAnswers.get(i)), greedy.get(i), firstToken);
                check(i, Cluster.await(seededAnswers.get(i)), seeded.get(i), firstToken);
            }
            cluster.assertAtRest();
        }
    }

    private static void check(
            int i, Completion answer, List<Integer> expected, boolean firstToken) {
        int length = prompts.get(i).length;
        assertThat(answer.tokens()).as("prompt %d of %d tokens", i, length).isEqualTo(expected);
        // A prompt of one token has nothing to hand over.
        int computed = firstToken && length > 1 ? 0 : 1;
        assertThat(answer.result().computedPromptTokens()).isEqualTo(computed);
        assertThat(answer.result().loadedPromptTokens()).isEqualTo(length - computed);
    }

    private static SamplingParams sampling(int i) {
        return new SamplingParams(0.9, 0.95, 40, 1000L + i);
    }

    // Both ends and the block and chunk borders for certain; the rest at random, more short than
    // long.
    private static int length(int i, Random random) {
        int[] certain = {1, 2, 15, 16, 17, 18, 256, 257, 258, 513, 699, 700};
        double u = random.nextDouble();
        return i < certain.length ? certain[i] : 1 + (int) (700 * u * u);
    }

    // Half of them read like the training data, half are noise.
    private static int[] prompt(
            TextGenerator one, FactQuestions questions, Random random, int length) {
        if (random.nextBoolean()) {
            return random.ints(length, 3, 1024).toArray();
        }
        StringBuilder text = new StringBuilder();
        int[] tokens;
        do {
            FactQuestions.Question question = questions.next();
            text.append(question.prompt()).append(question.answer()).append(' ');
            tokens = one.encode(text.toString());
        } while (tokens.length < length);
        return java.util.Arrays.copyOf(tokens, length);
    }
}
