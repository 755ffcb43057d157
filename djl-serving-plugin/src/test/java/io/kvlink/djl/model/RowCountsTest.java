// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Optional;
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
    }

    @Test
    void shouldDecodeOneAfterTheOtherIfNothingElseIsSafe() {
        assertThat(RowCounts.probe(64, count -> Optional.empty())).hasToString("[1]");
        assertThat(RowCounts.probe(64, count -> Optional.of(List.of(count)))).hasToString("[1]");
        assertThat(RowCounts.probe(1, count -> Optional.of(ONE_WAY))).hasToString("[1]");
    }

    @Test
    void shouldPreferTheLargerOfEqualClasses() {
        RowCounts counts = RowCounts.probe(4, count -> Optional.of(count < 3 ? ONE_WAY : ANOTHER));
        assertThat(counts).hasToString("[3, 4]");
    }

    @Test
    void shouldFillNothingUpIfAllCountsAreAllowed() {
        RowCounts counts = RowCounts.all(5);
        for (int count = 1; count <= 5; count++) {
            assertThat(counts.rowsFor(count)).isEqualTo(count);
        }
    }
}
