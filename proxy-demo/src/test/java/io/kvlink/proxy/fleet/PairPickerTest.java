// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PairPickerTest {

    @ParameterizedTest
    @CsvSource({"1,1", "2,2", "3,3", "2,4", "2,3", "4,6"})
    void shouldReachAllPairsOnceInOneRound(int prefills, int decodes) {
        PairPicker picker = new PairPicker();
        Map<PairPicker.Pair, Integer> seen = new HashMap<>();
        for (int i = 0; i < prefills * decodes; i++) {
            seen.merge(picker.next(prefills, decodes), 1, Integer::sum);
        }
        assertThat(seen).hasSize(prefills * decodes);
        assertThat(seen.values()).containsOnly(1);
    }

    @Property
    void eachRoundReachesAllPairsOnce(
            @ForAll @IntRange(min = 1, max = 12) int prefills,
            @ForAll @IntRange(min = 1, max = 12) int decodes,
            @ForAll @IntRange(min = 1, max = 3) int rounds) {
        PairPicker picker = new PairPicker();
        Map<PairPicker.Pair, Integer> seen = new HashMap<>();
        for (int i = 0; i < rounds * prefills * decodes; i++) {
            seen.merge(picker.next(prefills, decodes), 1, Integer::sum);
        }
        assertThat(seen).hasSize(prefills * decodes);
        assertThat(seen.values()).containsOnly(rounds);
    }

    @Property
    void loadIsEvenAtAnyMoment(
            @ForAll @IntRange(min = 1, max = 9) int prefills,
            @ForAll @IntRange(min = 1, max = 9) int decodes,
            @ForAll @IntRange(min = 1, max = 100) int requests) {
        PairPicker picker = new PairPicker();
        int[] prefill = new int[prefills];
        int[] decode = new int[decodes];
        for (int i = 0; i < requests; i++) {
            PairPicker.Pair pair = picker.next(prefills, decodes);
            prefill[pair.prefill()]++;
            decode[pair.decode()]++;
        }
        assertThat(spread(prefill)).isLessThanOrEqualTo(1);
        // The extra step may give one instance its next turn early.
        assertThat(spread(decode)).isLessThanOrEqualTo(2);
    }

    @Test
    void shouldRememberTheTurnsOfNoMoreModelsThanThereAre() {
        ModelTurns turns = new ModelTurns();
        for (int i = 0; i < 100; i++) {
            List<String> known = List.of("m" + i, "m" + (i + 1));
            assertThat(turns.pair("m" + i, known, 2, 2).decode()).isEqualTo(i == 0 ? 0 : 1);
            assertThat(turns.pair("m" + (i + 1), known, 2, 2).decode()).isZero();
            turns.single("", known, 2);
            assertThat(turns.size()).isLessThanOrEqualTo(4);
        }
    }

    private static int spread(int[] counts) {
        java.util.IntSummaryStatistics all = java.util.Arrays.stream(counts).summaryStatistics();
        return all.getMax() - all.getMin();
    }
}
