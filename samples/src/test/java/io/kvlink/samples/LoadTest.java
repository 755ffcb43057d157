// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.djl.generation.GenerationException;
import io.kvlink.djl.generation.TextGenerator;
import io.kvlink.djl.sampling.SamplingParams;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.TransferRoute;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Many requests at once, little memory, peers that aren't there: all end, none is wrong. */
@Timeout(value = 300, unit = TimeUnit.SECONDS)
class LoadTest {

    private static final int ANSWER = 12;
    private static final long TOKEN_BYTES = 8L * 2 * 4 * 32 * 4;

    @Test
    void shouldServe32RequestsOver2P2D() {
        List<int[]> prompts = prompts(32, 150);
        try (Cluster cluster = new Cluster()) {
            List<List<Integer>> expected = alone(cluster, prompts);
            for (int i = 0; i < 2; i++) {
                cluster.prefill(Map.of());
                cluster.decode(Map.of());
            }
            List<CompletableFuture<Completion>> answers = new ArrayList<>();
            for (int i = 0; i < prompts.size(); i++) {
                answers.add(
                        cluster.ask(
                                cluster.prefills.get(i % 2),
                                cluster.decodes.get(i / 2 % 2),
                                prompts.get(i),
                                SamplingParams.GREEDY,
                                ANSWER));
            }
            for (int i = 0; i < prompts.size(); i++) {
                Completion answer = Cluster.await(answers.get(i));
                assertThat(answer.tokens()).as("request %d", i).isEqualTo(expected.get(i));
                assertThat(answer.result().computedPromptTokens()).isZero();
            }
            cluster.assertAtRest();
        }
    }

    @Test
    void shouldWaitOrRecomputeWhenTheBufferHoldsOneRequest() {
        int longest = 120;
        List<int[]> prompts = prompts(16, longest);
        try (Cluster cluster = new Cluster()) {
            List<List<Integer>> expected = alone(cluster, prompts);
            TextGenerator prefill = cluster.prefill(Map.of());
            TextGenerator decode =
                    cluster.decode(
                            Map.of(
                                    "kv_buffer_size",
                                    longest * TOKEN_BYTES,
                                    "mem_pool_size_gb",
                                    longest * TOKEN_BYTES / (double) (1 << 30)),
                            Map.of("kv_cache_tokens", 3 * (longest + 32)));
            List<CompletableFuture<Completion>> answers = new ArrayList<>();
            for (int[] prompt : prompts) {
                answers.add(cluster.ask(prefill, decode, prompt, SamplingParams.GREEDY, ANSWER));
            }
            for (int i = 0; i < prompts.size(); i++) {
                Completion answer = Cluster.await(answers.get(i));
                assertThat(answer.tokens()).as("request %d", i).isEqualTo(expected.get(i));
            }
            cluster.assertAtRest();
        }
    }

    @Test
    void shouldRecomputeWhenThePrefillInstanceIsNotThere() {
        List<int[]> prompts = prompts(1, 40);
        try (Cluster cluster = new Cluster()) {
            List<List<Integer>> expected = alone(cluster, prompts);
            TextGenerator decode = cluster.decode(Map.of("handshake_timeout_s", 0.2));
            TransferRoute route = Cluster.route(nobody(), Cluster.kvAddress(decode));
            Completion answer =
                    Cluster.await(
                            Cluster.submit(
                                    decode,
                                    Optional.of(route),
                                    prompts.get(0),
                                    SamplingParams.GREEDY,
                                    ANSWER));
            assertThat(answer.tokens()).isEqualTo(expected.get(0));
            assertThat(answer.result().loadedPromptTokens()).isZero();
            cluster.assertAtRest();
        }
    }

    @Test
    void shouldFailTheRequestWhenThePolicySaysSo() {
        try (Cluster cluster = new Cluster()) {
            TextGenerator decode =
                    cluster.decode(
                            Map.of("handshake_timeout_s", 0.2, "kv_load_failure_policy", "fail"));
            TransferRoute route = Cluster.route(nobody(), Cluster.kvAddress(decode));
            CompletableFuture<Completion> answer =
                    Cluster.submit(
                            decode,
                            Optional.of(route),
                            prompts(1, 40).get(0),
                            SamplingParams.GREEDY,
                            ANSWER);
            assertThat(answer)
                    .failsWithin(20, TimeUnit.SECONDS)
                    .withThrowableOfType(java.util.concurrent.ExecutionException.class)
                    .havingCause()
                    .isInstanceOf(GenerationException.class)
                    .withMessageContaining("PEER_LOST");
            cluster.assertAtRest();
        }
    }

    @Test
    void shouldLeaveNothingAtAPrefillInstanceWhoseDecodeInstanceIsNotThere() {
        try (Cluster cluster = new Cluster()) {
            TextGenerator prefill = cluster.prefill(Map.of("handshake_timeout_s", 0.2));
            TransferRoute route = Cluster.route(Cluster.kvAddress(prefill), nobody());
            Cluster.await(
                    Cluster.submit(
                            prefill,
                            Optional.of(route),
                            prompts(1, 40).get(0),
                            SamplingParams.GREEDY,
                            1));
            cluster.assertAtRest();
        }
    }

    @Test
    void shouldComputeItselfWhenThePrefilledPromptIsAnother() {
        List<int[]> prompts = prompts(1, 40);
        try (Cluster cluster = new Cluster()) {
            TextGenerator prefill = cluster.prefill(Map.of());
            TextGenerator decode = cluster.decode(Map.of());
            int[] other = prompts.get(0).clone();
            other[0] ^= 1;
            TransferRoute route =
                    Cluster.route(Cluster.kvAddress(prefill), Cluster.kvAddress(decode));
            CompletableFuture<Completion> first =
                    Cluster.submit(prefill, Optional.of(route), other, SamplingParams.GREEDY, 1);
            CompletableFuture<Completion> second =
                    Cluster.submit(
                            decode,
                            Optional.of(route),
                            prompts.get(0),
                            SamplingParams.GREEDY,
                            ANSWER);
            Cluster.await(first);
            Completion answer = Cluster.await(second);
            assertThat(answer.result().loadedPromptTokens()).isZero();
            assertThat(answer.tokens()).isEqualTo(alone(cluster, prompts).get(0));
            cluster.assertAtRest();
        } catch (CompletionException failure) {
            throw new AssertionError("a mismatch must be recomputed, not failed", failure);
        }
    }

    private static List<int[]> prompts(int count, int longest) {
        Random random = new Random(count);
        List<int[]> prompts = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            prompts.add(random.ints(longest / 2 + random.nextInt(longest / 2), 3, 1024).toArray());
        }
        return prompts;
    }

    private static List<List<Integer>> alone(Cluster cluster, List<int[]> prompts) {
        TextGenerator one = cluster.aggregated();
        List<List<Integer>> answers = new ArrayList<>();
        for (int[] prompt : prompts) {
            answers.add(
                    Cluster.await(
                                    Cluster.submit(
                                            one,
                                            Optional.empty(),
                                            prompt,
                                            SamplingParams.GREEDY,
                                            ANSWER))
                            .tokens());
        }
        return answers;
    }

    // A port that was free a moment ago, and has no listener.
    private static HostPort nobody() {
        try (java.net.ServerSocket socket = new java.net.ServerSocket(0)) {
            return new HostPort("127.0.0.1", socket.getLocalPort());
        } catch (java.io.IOException cause) {
            throw new java.io.UncheckedIOException(cause);
        }
    }
}
