// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.djl.generation.TextGenerator;
import io.kvlink.djl.sampling.SamplingParams;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The answers come from the KV that was handed over: right with it, wrong without. */
@Timeout(value = 300, unit = TimeUnit.SECONDS)
class FactRecallTest {

    private static final int QUESTIONS = 200;
    private static final int ANSWER = 24;

    private final List<FactQuestions.Question> questions = new ArrayList<>();

    FactRecallTest() {
        FactQuestions source = new FactQuestions(5);
        for (int i = 0; i < QUESTIONS; i++) {
            questions.add(source.next());
        }
    }

    @Test
    void shouldAnswerFromReceivedKvAsFromItsOwn() {
        try (Cluster cluster = new Cluster()) {
            TextGenerator one = cluster.aggregated();
            List<CompletableFuture<Completion>> alone = new ArrayList<>();
            for (FactQuestions.Question question : questions) {
                alone.add(
                        Cluster.submit(
                                one,
                                Optional.empty(),
                                one.encode(question.prompt()),
                                SamplingParams.GREEDY,
                                ANSWER,
                                "."));
            }
            int rightAlone = right(alone);
            int right = right(overTwo(cluster, Map.of(), QUESTIONS));
            assertThat(right).isEqualTo(rightAlone).isGreaterThanOrEqualTo(QUESTIONS * 97 / 100);
            cluster.assertAtRest();
        }
    }

    @Test
    void shouldAnswerWronglyWhenTheReceivedKvIsZeroed() {
        try (Cluster cluster = new Cluster()) {
            Map<String, Object> faulty = Map.of("kv_connector", ZeroingConnectorProvider.NAME);
            int right = right(overTwo(cluster, faulty, 50));
            assertThat(right).isLessThan(5);
        }
    }

    private List<CompletableFuture<Completion>> overTwo(
            Cluster cluster, Map<String, Object> decodeSettings, int count) {
        TextGenerator prefill = cluster.prefill(Map.of());
        TextGenerator decode = cluster.decode(decodeSettings);
        List<CompletableFuture<Completion>> answers = new ArrayList<>();
        for (FactQuestions.Question question : questions.subList(0, count)) {
            answers.add(
                    cluster.ask(
                            prefill,
                            decode,
                            decode.encode(question.prompt()),
                            SamplingParams.GREEDY,
                            ANSWER,
                            "."));
        }
        return answers;
    }

    private int right(List<CompletableFuture<Completion>> answers) {
        int right = 0;
        for (int i = 0; i < answers.size(); i++) {
            String text = Cluster.await(answers.get(i)).text();
            right += (text + ".").equals(questions.get(i).answer()) ? 1 : 0;
        }
        return right;
    }
}
