// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.djl.generation.GenerationResult;
import io.kvlink.djl.sampling.SamplingParams;
import io.kvlink.djl.worker.FakeConnector.Loading;
import io.kvlink.spi.TransferRoute;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Answers where bits don't count: of these models no two tokens are almost equally likely. */
@Timeout(120)
class FastTest extends StartedWorkers {

    private static final Map<String, Object> FAST =
            Map.of("decode_batch", "fast", "max_step_tokens", 100, "prefill_limit_ms", 1);
    private static final int[] LENGTHS = {1, 2, 16, 17, 18, 33, 100};

    @BeforeAll
    static void writeModel() {
        writeModel(3);
    }

    static Stream<SamplingParams> samplings() {
        return Stream.of(SamplingParams.GREEDY, Prompts.SEEDED, Prompts.PENALISED);
    }

    @ParameterizedTest
    @MethodSource("samplings")
    void shouldAnswerManyAsOne(SamplingParams sampling) throws Exception {
        LlamaWorker worker = worker(FAST);
        List<Listening> all = new ArrayList<>();
        for (int length : LENGTHS) {
            all.add(submit(worker, prompt(length), 12, sampling, Optional.empty()));
        }
        for (int i = 0; i < LENGTHS.length; i++) {
            GenerationResult result = all.get(i).result();
            assertThat(all.get(i).tokens).isEqualTo(expected(prompt(LENGTHS[i]), 12, sampling));
            assertThat(result.computedPromptTokens()).isEqualTo(LENGTHS[i]);
        }
        awaitAllFree(worker);
    }

    @ParameterizedTest
    @EnumSource(
            names = {
                "IN_STEP",
                "ASYNC",
                "ASYNC_FIRST_HALF",
                "REFUSED",
                "IN_STEP_GARBAGE",
                "ASYNC_GARBAGE"
            })
    void shouldGoOnFromKvThatAnotherComputed(Loading loading) throws Exception {
        LlamaWorker p = worker(prefill(), FAST);
        LlamaWorker d = worker(decode(loading), FAST);
        for (int length : LENGTHS) {
            int[] prompt = prompt(length);
            Optional<TransferRoute> route = Prompts.route(P, D, length);
            Listening atD = submit(d, prompt, 12, Prompts.SEEDED, route);
            Listening atP = submit(p, prompt, 1, Prompts.SEEDED, route);
            atP.result();
            atD.result();
            assertThat(atD.tokens).isEqualTo(expected(prompt, 12, Prompts.SEEDED));
            assertThat(atP.tokens).isEqualTo(atD.tokens.subList(0, 1));
        }
    }

    private static int[] prompt(int length) {
        return Prompts.random(length, length);
    }
}
