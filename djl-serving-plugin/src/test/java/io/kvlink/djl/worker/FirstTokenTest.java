// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.djl.generation.GenerationRequest;
import io.kvlink.djl.sampling.SampledToken;
import io.kvlink.djl.sampling.SampledToken.TokenLogprob;
import io.kvlink.djl.sampling.SamplingParams;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class FirstTokenTest {

    private static final int VOCABULARY = 1000;
    private static final SampledToken PLAIN = new SampledToken(7);
    private static final SampledToken TOLD =
            new SampledToken(
                    999,
                    -0.25f,
                    List.of(new TokenLogprob(999, -0.25f), new TokenLogprob(0, -1.5f)));

    @Test
    void shouldComeBackAsItWas() {
        for (SampledToken token : List.of(PLAIN, TOLD)) {
            byte[] bytes = FirstToken.encode(token, request(SamplingParams.GREEDY));
            assertThat(read(bytes, request(SamplingParams.GREEDY))).contains(token);
        }
    }

    @Test
    void shouldNotBeReadFromAnythingElse() {
        byte[] bytes = FirstToken.encode(TOLD, request(SamplingParams.GREEDY));
        for (int length = 0; length <= bytes.length + 1; length++) {
            if (length != bytes.length) {
                byte[] other = Arrays.copyOf(bytes, length);
                assertThat(read(other, request(SamplingParams.GREEDY))).as("%d", length).isEmpty();
            }
        }
        byte[] newer = bytes.clone();
        newer[0]++;
        assertThat(read(newer, request(SamplingParams.GREEDY))).isEmpty();
        assertThat(FirstToken.decode(bytes, request(SamplingParams.GREEDY), 999)).isEmpty();
    }

    @Test
    void shouldCountOnlyForWhatWasAskedForAlike() {
        SamplingParams sampled = new SamplingParams(0.7, 0.9, 20, 5);
        byte[] bytes = FirstToken.encode(PLAIN, request(sampled));
        assertThat(read(bytes, request(sampled))).isPresent();
        assertThat(read(bytes, request(sampled.withSeed(6)))).as("drawn if not given").isPresent();
        assertThat(read(bytes, request(SamplingParams.GREEDY))).isEmpty();
        assertThat(read(bytes, request(new SamplingParams(0.7, 0.9, 21, 5)))).isEmpty();
        assertThat(read(bytes, request(sampled.withLogprobs(2)))).isEmpty();
        SamplingParams biased = new SamplingParams(0.7, 0.9, 20, 0, 1, 0, 0, Map.of(3, 1f), -1, 5);
        assertThat(read(bytes, request(biased))).isEmpty();
        SamplingParams penalised = new SamplingParams(0.7, 0.9, 20, 0, 1.1, 0, 0, Map.of(), -1, 5);
        assertThat(read(bytes, request(penalised))).isEmpty();
        assertThat(read(bytes, request(sampled, 1, List.of()))).isPresent();
        assertThat(read(bytes, request(sampled, 2, List.of()))).isEmpty();
        assertThat(read(bytes, request(sampled, 0, List.of(4)))).isEmpty();
    }

    @Test
    void shouldTravelOnlyWhereItMayBeChosenElsewhere() {
        assertThat(FirstToken.mayTravel(routed(0))).isTrue();
        assertThat(FirstToken.mayTravel(routed(1))).isTrue();
        assertThat(FirstToken.mayTravel(routed(2))).as("the other one doesn't know").isFalse();
        assertThat(FirstToken.mayTravel(request(SamplingParams.GREEDY))).as("no route").isFalse();
    }

    private static Optional<SampledToken> read(byte[] bytes, GenerationRequest wanted) {
        return FirstToken.decode(bytes, wanted, VOCABULARY);
    }

    private static GenerationRequest routed(int minTokens) {
        return new GenerationRequest(
                "r",
                Prompts.route(1, 2, 3),
                new int[] {1, 2},
                9,
                minTokens,
                SamplingParams.GREEDY,
                List.of(),
                false);
    }

    private static GenerationRequest request(SamplingParams sampling) {
        return request(sampling, 0, List.of());
    }

    private static GenerationRequest request(
            SamplingParams sampling, int minTokens, List<Integer> stopTokens) {
        return new GenerationRequest(
                "r",
                Optional.empty(),
                new int[] {1, 2},
                9,
                minTokens,
                sampling,
                List.of(),
                stopTokens,
                false,
                Optional.empty(),
                false);
    }
}
