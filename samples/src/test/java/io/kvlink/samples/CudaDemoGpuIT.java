// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.kvlink.cuda.Gpu;
import io.kvlink.djl.generation.TextGenerator;
import io.kvlink.djl.sampling.SampledToken;
import io.kvlink.djl.sampling.SampledToken.TokenLogprob;
import io.kvlink.djl.sampling.SamplingParams;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The demo model on a real GPU, on one instance and split over two. */
@Timeout(value = 300, unit = TimeUnit.SECONDS)
class CudaDemoGpuIT {

    private static final int QUESTIONS = 200;
    private static final int COMPARED = 30;
    private static final int ANSWER = 24;
    private static final double CLOSE = 1e-3;

    private final List<FactQuestions.Question> questions = new ArrayList<>();

    CudaDemoGpuIT() {
        FactQuestions source = new FactQuestions(5);
        for (int i = 0; i < QUESTIONS; i++) {
            questions.add(source.next());
        }
    }

    @BeforeEach
    void requireGpu() {
        assumeTrue(Gpu.availability().ready(), Gpu.availability().reason());
    }

    private static Map<String, Object> gpu(String type, String batch) {
        return Map.of(
                "device", "gpu0", "dtype", type, "decode_batch", batch, "kv_cache_tokens", 16384);
    }

    @ParameterizedTest
    @ValueSource(strings = {"float32", "float16", "bfloat16"})
    void shouldAnswerFactQuestions(String type) {
        try (Cluster cluster = new Cluster()) {
            TextGenerator one = cluster.aggregated(gpu(type, "fast"));
            List<Completion> answers = answers(one, QUESTIONS, SamplingParams.GREEDY, ".");
            int right = 0;
            for (int i = 0; i < QUESTIONS; i++) {
                boolean same = (answers.get(i).text() + ".").equals(questions.get(i).answer());
                right += same ? 1 : 0;
            }
            assertThat(right).isGreaterThanOrEqualTo(QUESTIONS * 97 / 100);
            cluster.assertAtRest();
        }
    }

    @Test
    void shouldAnswerAsTheCpuUnlessTwoTokensAreAsLikely() {
        assumeTrue(
                CudaDemoGpuIT.class.getResource("/native/lib/pytorch.properties") != null,
                "the class path has no libtorch for the CPU");
        try (Cluster cluster = new Cluster()) {
            SamplingParams greedy = SamplingParams.GREEDY.withLogprobs(2);
            List<Completion> wanted = answers(cluster.aggregated(), COMPARED, greedy);
            List<Completion> found =
                    answers(cluster.aggregated(gpu("float32", "fast")), COMPARED, greedy);
            for (int i = 0; i < COMPARED; i++) {
                compare(i, wanted.get(i).sampled(), found.get(i).sampled());
            }
        }
    }

    /** Compares two answers. Behind a token that chance decided they are of different texts. */
    private static void compare(int answer, List<SampledToken> wanted, List<SampledToken> found) {
        assertThat(found).hasSameSizeAs(wanted);
        for (int i = 0; i < wanted.size(); i++) {
            List<TokenLogprob> top = wanted.get(i).top();
            if (found.get(i).id() != wanted.get(i).id()) {
                assertThat((double) top.get(0).logprob() - top.get(1).logprob())
                        .as("answer %d, token %d", answer, i)
                        .isLessThan(CLOSE);
                return;
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"float32", "bfloat16"})
    void shouldAnswerFromReceivedKvAsFromItsOwn(String type) {
        Map<String, Object> exact = gpu(type, "exact");
        Map<String, Object> plane = Map.of("data_plane", "cuda-ipc", "mem_pool_size_gb", 1);
        SamplingParams seeded = new SamplingParams(.9, .95, 40, 77);
        try (Cluster cluster = new Cluster()) {
            TextGenerator one = cluster.aggregated(exact);
            TextGenerator prefill = cluster.prefill(plane, exact);
            TextGenerator decode = cluster.decode(plane, exact);
            for (SamplingParams sampling : List.of(SamplingParams.GREEDY, seeded)) {
                List<Completion> wanted = answers(one, COMPARED, sampling);
                List<CompletableFuture<Completion>> asked = new ArrayList<>();
                for (FactQuestions.Question question : questions.subList(0, COMPARED)) {
                    int[] prompt = decode.encode(question.prompt());
                    asked.add(cluster.ask(prefill, decode, prompt, sampling, ANSWER));
                }
                for (int i = 0; i < COMPARED; i++) {
                    Completion found = Cluster.await(asked.get(i));
                    assertThat(found.tokens()).as("answer %d", i).isEqualTo(wanted.get(i).tokens());
                    assertThat(found.result().loadedPromptTokens()).isPositive();
                }
            }
            cluster.assertAtRest();
        }
    }

    private List<Completion> answers(
            TextGenerator worker, int count, SamplingParams sampling, String... stop) {
        List<CompletableFuture<Completion>> asked = new ArrayList<>();
        for (FactQuestions.Question question : questions.subList(0, count)) {
            int[] prompt = worker.encode(question.prompt());
            asked.add(Cluster.submit(worker, Optional.empty(), prompt, sampling, ANSWER, stop));
        }
        return asked.stream().map(Cluster::await).toList();
    }
}
