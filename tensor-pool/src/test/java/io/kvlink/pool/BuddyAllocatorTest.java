// SPDX-License-Identifier: Apache-2.0
package io.kvlink.pool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.LongRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class BuddyAllocatorTest {

    private static final long CAPACITY = 64 * 1024;

    /** A positive step allocates so many bytes; another frees the block it points at. */
    private static void play(
            List<Long> steps,
            BuddyAllocator blocks,
            NavigableMap<Long, Long> live,
            Runnable check) {
        for (long step : steps) {
            if (step > 0) {
                long offset = blocks.allocate(step);
                if (offset != BuddyAllocator.NONE) {
                    assertThat(live.put(offset, step)).isNull();
                }
            } else if (!live.isEmpty()) {
                List<Long> offsets = new ArrayList<>(live.keySet());
                long offset = offsets.get((int) (-step % offsets.size()));
                blocks.free(offset);
                live.remove(offset);
            }
            check.run();
        }
    }

    @Property
    void everythingFreedIsOneBlockAgain(
            @ForAll @Size(max = 300) List<@LongRange(min = -9000, max = 9000) Long> steps) {
        BuddyAllocator blocks = new BuddyAllocator(CAPACITY);
        TreeMap<Long, Long> live = new TreeMap<>();
        play(steps, blocks, live, () -> {});
        live.keySet().forEach(blocks::free);
        assertThat(blocks.freeBlocks()).isEqualTo(1);
        assertThat(blocks.isEmpty()).isTrue();
        assertThat(blocks.allocate(CAPACITY)).isZero();
    }

    @Property(tries = 300)
    void noTwoLiveBlocksOverlap(
            @ForAll @Size(max = 300) List<@LongRange(min = -9000, max = 9000) Long> steps) {
        TreeMap<Long, Long> live = new TreeMap<>();
        play(
                steps,
                new BuddyAllocator(CAPACITY),
                live,
                () -> {
                    long end = 0;
                    for (Map.Entry<Long, Long> block : live.entrySet()) {
                        assertThat(block.getKey()).isGreaterThanOrEqualTo(end);
                        end = block.getKey() + block.getValue();
                    }
                    assertThat(end).isLessThanOrEqualTo(CAPACITY);
                });
    }

    @Property(tries = 300)
    void itAgreesWithAnObviousAllocator(
            @ForAll @Size(max = 300) List<@LongRange(min = -9000, max = 9000) Long> steps) {
        BuddyAllocator blocks = new BuddyAllocator(CAPACITY);
        ObviousAllocator model = new ObviousAllocator(CAPACITY);
        List<Long> live = new ArrayList<>();
        for (long step : steps) {
            if (step > 0) {
                long offset = blocks.allocate(step);
                assertThat(offset).isEqualTo(model.allocate(step));
                if (offset != BuddyAllocator.NONE) {
                    live.add(offset);
                }
            } else if (!live.isEmpty()) {
                long offset = live.remove((int) (-step % live.size()));
                blocks.free(offset);
                model.free(offset);
            }
            assertThat(blocks.freeBlocks()).isEqualTo(model.freeBlocks());
        }
    }

    @Test
    void shouldSatisfyEverySizeWhenEmpty() {
        BuddyAllocator blocks = new BuddyAllocator(CAPACITY);
        for (long bytes = 1; bytes <= CAPACITY; bytes++) {
            assertThat(blocks.allocate(bytes)).isZero();
            blocks.free(0);
        }
        assertThat(blocks.allocate(CAPACITY + 1)).isEqualTo(BuddyAllocator.NONE);
        assertThat(blocks.allocate(Long.MAX_VALUE)).isEqualTo(BuddyAllocator.NONE);
        assertThat(blocks.freeBlocks()).isEqualTo(1);
    }

    @Test
    void shouldHandOutEveryBlockOfTheLargestRange() {
        BuddyAllocator blocks = new BuddyAllocator(1 << 30);
        for (long offset = 0; offset < 1 << 30; offset += 512) {
            assertThat(blocks.allocate(512) == offset).isTrue();
        }
        assertThat(blocks.allocate(1)).isEqualTo(BuddyAllocator.NONE);
        for (long offset = 0; offset < 1 << 30; offset += 512) {
            blocks.free(offset);
        }
        assertThat(blocks.freeBlocks()).isEqualTo(1);
    }

    @Test
    void shouldTakeTheLowestOffsetThatWasFreed() {
        BuddyAllocator blocks = new BuddyAllocator(CAPACITY);
        for (long offset = 0; offset < CAPACITY; offset += 512) {
            assertThat(blocks.allocate(512)).isEqualTo(offset);
        }
        blocks.free(51_200);
        blocks.free(1024);
        assertThat(blocks.allocate(1)).isEqualTo(1024);
        assertThat(blocks.allocate(1)).isEqualTo(51_200);
    }

    @Test
    void shouldRefuseToFreeWhatIsNoBlock() {
        BuddyAllocator blocks = new BuddyAllocator(CAPACITY);
        assertThat(blocks.allocate(2048)).isZero();
        for (long offset : new long[] {-512, 1, 512, 2048, CAPACITY, Long.MAX_VALUE, 1L << 41}) {
            assertThatThrownBy(() -> blocks.free(offset))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("not the start of an allocated block: offset=" + offset);
        }
        blocks.free(0);
        assertThatThrownBy(() -> blocks.free(0)).hasMessageContaining("offset=0");
    }

    @Test
    void shouldRefuseCapacitiesThatAreNoPowersOfTwo() {
        for (long capacity : new long[] {-512, 0, 256, 513, 3 << 20, 1L << 31}) {
            assertThatThrownBy(() -> new BuddyAllocator(capacity))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("capacity=" + capacity + "; a power of two");
        }
        assertThat(new BuddyAllocator(512).allocate(512)).isZero();
    }
}
