// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.djl.worker.config.WorkerConfig;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PromptStepsTest {

    private final FakeMemory memory = new FakeMemory(4096);
    private final PrefillRate rate = new PrefillRate();
    private final List<Sequence> all = new ArrayList<>();

    private void prompt(int tokens) {
        Sequence sequence = Sequences.waiting(new int[tokens]);
        sequence.onArrival(all.size());
        sequence.onSlots(memory.allocate(tokens), 0, false, 0);
        all.add(sequence);
    }

    /** Tokens of each unit of each step of a turn. */
    private List<List<Integer>> turn(boolean answering, Map<String, Object> settings) {
        Map<String, Object> values = new HashMap<>(settings);
        values.putIfAbsent("prefill_chunk", 100);
        PromptSteps steps =
                new PromptSteps(
                        () -> all.stream().filter(one -> one.phase() == Phase.PREFILL).toList(),
                        rate,
                        WorkerConfig.of(Path.of("m"), values),
                        4);
        List<List<Integer>> found = new ArrayList<>();
        steps.run(
                answering,
                units -> {
                    units.forEach(unit -> unit.sequence().onLaunched(unit));
                    return found.add(units.stream().map(WorkUnit::tokens).toList());
                });
        return found;
    }

    @Test
    void shouldIncludeThePromptsLastTokenUnlessBitsCount() {
        prompt(30);
        prompt(101);
        assertThat(turn(false, Map.of("decode_batch", "exact", "max_step_tokens", 1000)))
                .containsExactly(List.of(29), List.of(100));
        all.clear();
        prompt(30);
        assertThat(turn(false, Map.of())).containsExactly(List.of(30));
        prompt(101);
        assertThat(turn(false, Map.of())).containsExactly(List.of(100));
        assertThat(all).extracting(Sequence::phase).containsOnly(Phase.DECODE);
    }

    @Test
    void shouldComputeNoMoreThanAChunkOrWhatIsAllowed() {
        prompt(250);
        prompt(250);
        assertThat(turn(false, Map.of())).containsExactly(List.of(100));
        assertThat(turn(false, Map.of("max_step_tokens", 200))).containsExactly(List.of(100, 100));
        assertThat(turn(false, Map.of("decode_batch", "exact"))).containsExactly(List.of(49));
    }

    @Test
    void shouldPutShortPromptsIntoOneStep() {
        IntStream.range(0, 6).forEach(i -> prompt(20));
        assertThat(turn(false, Map.of("prefill_chunk", 200)))
                .containsExactly(List.of(20, 20, 20, 20), List.of(20, 20));
    }

    @Test
    void shouldCutAPromptToWhatIsLeftIfThatIsWorthACall() {
        prompt(30);
        prompt(500);
        assertThat(turn(false, Map.of("prefill_chunk", 100))).containsExactly(List.of(30, 70));
        all.clear();
        prompt(40);
        prompt(500);
        assertThat(turn(false, Map.of("prefill_chunk", 100))).containsExactly(List.of(40));
    }

    @Test
    void shouldTakeNoLongerThanTheLimitWhileAnswersRun() {
        Map<String, Object> limited = Map.of("prefill_chunk", 1000, "prefill_limit_ms", 5);
        IntStream.range(0, 4).forEach(i -> prompt(5000));
        assertThat(turn(true, limited)).containsExactly(List.of(1000));
        rate.onComputed(1000, 20_000_000);
        assertThat(turn(true, limited)).containsExactly(List.of(250));
        assertThat(turn(false, limited)).containsExactly(List.of(1000));
        rate.onComputed(1000, 1_000_000_000);
        rate.onComputed(1000, 1_000_000_000);
        rate.onComputed(1000, 1_000_000_000);
        rate.onComputed(1000, 1_000_000_000);
        rate.onComputed(1000, 1_000_000_000);
        assertThat(turn(true, limited)).containsExactly(List.of(PrefillRate.LEAST_TOKENS));
        Map<String, Object> exact = new HashMap<>(limited);
        exact.put("decode_batch", "exact");
        all.clear();
        prompt(5000);
        assertThat(turn(true, exact)).containsExactly(List.of(1000));
    }

    @Test
    void shouldNotMeasureCallsOfFewTokens() {
        rate.onComputed(PrefillRate.LEAST_TOKENS - 1, 1);
        rate.onComputed(1000, 0);
        assertThat(rate.tokensIn(1)).isEqualTo(Integer.MAX_VALUE);
        rate.onComputed(1000, 1_000_000);
        assertThat(rate.tokensIn(200_000)).isEqualTo(200);
        rate.onComputed(2000, 1_000_000);
        assertThat(rate.tokensIn(200_000)).isEqualTo(250);
    }
}
