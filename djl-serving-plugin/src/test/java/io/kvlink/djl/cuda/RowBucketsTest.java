// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class RowBucketsTest {

    @Test
    void exactHasOneCount() {
        RowBuckets exact = RowBuckets.exact(64);
        assertThat(exact.counts()).containsExactly(64);
        assertThat(exact.countFor(1)).isEqualTo(64);
    }

    @Test
    void fastFillsUpLittle() {
        assertThat(RowBuckets.fast(64).counts())
                .containsExactly(1, 2, 4, 8, 16, 24, 32, 40, 48, 56, 64);
        assertThat(RowBuckets.fast(13).counts()).containsExactly(1, 2, 4, 8, 13);
        assertThat(RowBuckets.fast(1).counts()).containsExactly(1);
        for (int max : List.of(1, 3, 8, 13, 64, 100, 256, 1000)) {
            RowBuckets buckets = RowBuckets.fast(max);
            assertThat(buckets.counts()).isSorted().endsWith(max);
            for (int rows = 1; rows <= max; rows++) {
                assertThat(buckets.countFor(rows)).isBetween(rows, Math.max(rows + 127, 2 * rows));
            }
        }
    }

    @Test
    void moreRowsThanABatchAreRefused() {
        assertThatThrownBy(() -> RowBuckets.fast(8).countFor(9))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("rows=9");
    }
}
