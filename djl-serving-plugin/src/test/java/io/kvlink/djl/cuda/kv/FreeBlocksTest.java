// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda.kv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class FreeBlocksTest {

    @Test
    void noBlockIsTakenTwiceAndAllComeBack() {
        FreeBlocks free = new FreeBlocks(50);
        Random random = new Random(3);
        List<int[]> held = new ArrayList<>();
        for (int round = 0; round < 5000; round++) {
            if (random.nextBoolean() && free.count() > 0) {
                held.add(free.take(1 + random.nextInt(free.count())));
            } else if (!held.isEmpty()) {
                free.giveBack(held.remove(random.nextInt(held.size())));
            }
            Set<Integer> taken = new HashSet<>();
            int count = 0;
            for (int[] blocks : held) {
                for (int block : blocks) {
                    taken.add(block);
                    count++;
                    assertThat(block).isBetween(0, 49);
                }
            }
            assertThat(taken).hasSize(count);
            assertThat(free.count()).isEqualTo(50 - count);
        }
    }

    @Test
    void theLowestAreTakenFirst() {
        FreeBlocks free = new FreeBlocks(8);
        assertThat(free.take(3)).containsExactly(0, 1, 2);
        int[] next = free.take(2);
        assertThat(next).containsExactly(3, 4);
        free.giveBack(next);
        assertThat(free.take(2)).containsExactly(3, 4);
    }

    @Test
    void moreThanThereAreIsRefused() {
        FreeBlocks free = new FreeBlocks(2);
        assertThatThrownBy(() -> free.take(3)).isInstanceOf(IllegalArgumentException.class);
        assertThat(free.count()).isEqualTo(2);
    }
}
