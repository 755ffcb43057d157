// SPDX-License-Identifier: Apache-2.0
package io.kvlink.pool;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.TreeSet;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class NumberSetTest {

    private static final int LIMIT = 300_000;

    @Property(tries = 300)
    void itHoldsWhatASortedSetHolds(
            @ForAll @Size(max = 200) List<@IntRange(max = LIMIT - 1) Integer> numbers,
            @ForAll @IntRange(max = LIMIT - 1) int from) {
        NumberSet set = new NumberSet(LIMIT);
        TreeSet<Integer> model = new TreeSet<>();
        for (int number : numbers) {
            if (model.add(number)) {
                set.add(number);
            } else {
                model.remove(number);
                set.remove(number);
            }
            assertThat(set.contains(number)).isEqualTo(model.contains(number));
            Integer lowest = model.ceiling(from);
            assertThat(set.lowest(from)).isEqualTo(lowest == null ? -1 : lowest);
        }
    }

    @Test
    void shouldFindNothingPastTheLastNumber() {
        for (int limit : new int[] {1, 2, 63, 64, 65, 4096, 4097}) {
            NumberSet set = new NumberSet(limit);
            assertThat(set.lowest(0)).isEqualTo(-1);
            set.add(limit - 1);
            assertThat(set.lowest(0)).isEqualTo(limit - 1);
            assertThat(set.lowest(limit)).isEqualTo(-1);
        }
    }
}
