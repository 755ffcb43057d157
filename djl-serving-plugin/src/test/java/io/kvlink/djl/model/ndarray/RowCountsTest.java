// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class RowCountsTest {
    private static final List<Integer> ONE_WAY = List.of(1);
    private static final List<Integer> ANOTHER = List.of(2);

    @Test
    void shouldFillUpToTheLargestClass() {
        RowCounts counts = RowCounts.probe(20, count -> Optional.of(count < 4 ? ONE_WAY : ANOTHER));
        assertThat(counts).hasToString("[4, 8, 12, 16, 20]");
        assertThat(counts.max()).isEqualTo(20);
        assertThat(counts.rowsFor(1)).isEqualTo(4);
        assertThat(counts.rowsFor(9)).isEqualTo(12);
        assertThat(counts.rowsFor(20)).isEqualTo(20);
        assertThatThrownBy(() -> counts.rowsFor(21))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("count=21 allowed=1..20");
    }

    @Test
    void shouldLeaveOutCountsWhoseRowsDiffer() {
        RowCounts counts =
                RowCounts.probe(16, count -> count > 4 ? Optional.empty() : Optional.of(ONE_WAY));
        assertThat(counts).hasToString("[1, 2, 3, 4]");
        assertThat(counts.max()).isEqualTo(16);
        assertThat(counts.largest()).isEqualTo(4);
    }

    @Test
    void shouldDecodeOneAfterTheOtherIfNothingElseIsSafe() {
        for (RowCounts counts :
                List.of(
                        RowCounts.probe(64, count -> Optional.empty()),
                        RowCounts.probe(64, count -> Optional.of(List.of(count))))) {
            assertThat(counts).hasToString("[1]");
            assertThat(counts.max()).isEqualTo(64);
            assertThat(counts.parts(List.of(7, 8, 9)))
                    .containsExactly(List.of(7), List.of(8), List.of(9));
        }
    }

    @Test
    void shouldFillASmallBatchUpToALargerCount() {
        RowCounts counts =
                RowCounts.probe(
                        8, count -> Optional.of(count == 1 || count > 12 ? ONE_WAY : ANOTHER));
        assertThat(counts).hasToString("[1, 16]");
        assertThat(counts.max()).isEqualTo(8);
        assertThat(counts.largest()).isEqualTo(8);
        assertThat(counts.rowsFor(2)).isEqualTo(16);
        assertThat(counts.parts(List.of(1, 2, 3, 4, 5, 6, 7, 8))).hasSize(1);
    }

    @Test
    void shouldChooseTheSameClassWhateverTheLargestBatchIs() {
        for (int max : new int[] {1, 2, 3, 8, 64, 100, 256}) {
            RowCounts counts =
                    RowCounts.probe(max, count -> Optional.of(count < 40 ? ONE_WAY : ANOTHER));
            assertThat(counts.rowsFor(1)).isEqualTo(1);
            assertThat(counts.largest()).isEqualTo(Math.min(max, 32));
            assertThat(counts.max()).isEqualTo(max);
        }
    }

    @Property
    void partsAreTheBatchInItsOrderAndNoneIsTooLarge(
            @ForAll @IntRange(min = 1, max = 130) int max,
            @ForAll @Size(max = 6) Set<@IntRange(min = 1, max = 64) Integer> agreeing,
            @ForAll @IntRange(min = 1, max = 130) int size) {
        RowCounts counts =
                RowCounts.probe(
                        max,
                        count -> Optional.of(agreeing.contains(count) ? ONE_WAY : List.of(-count)));
        List<Integer> batch = IntStream.range(0, Math.min(size, max)).boxed().toList();
        List<List<Integer>> parts = counts.parts(batch);
        assertThat(parts.stream().flatMap(List::stream)).containsExactlyElementsOf(batch);
        for (List<Integer> part : parts) {
            assertThat(part).isNotEmpty();
            assertThat(counts.rowsFor(part.size())).isGreaterThanOrEqualTo(part.size());
        }
        if (counts.largest() >= Lanes.LEAST_ROWS && batch.size() >= Lanes.LEAST_ROWS) {
            // A decoder's threads share the memory of lone rows.
            assertThat(parts).noneMatch(part -> part.size() == 1);
        }
    }

    @Test
    void shouldPreferTheLargerOfEqualClasses() {
        RowCounts counts =
                RowCounts.probe(
                        8, count -> Optional.of(count > 4 ? List.of(count) : half(count < 3)));
        assertThat(counts).hasToString("[3, 4]");
    }

    private static List<Integer> half(boolean first) {
        return first ? ONE_WAY : ANOTHER;
    }

    @Test
    void shouldFillNothingUpIfAllCountsAreAllowed() {
        RowCounts counts = RowCounts.all(5);
        for (int count = 1; count <= 5; count++) {
            assertThat(counts.rowsFor(count)).isEqualTo(count);
        }
    }
}
