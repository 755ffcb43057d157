// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import io.kvlink.djl.model.TinyCheckpoint;
import io.kvlink.djl.model.config.ModelConfig;
import java.nio.ByteBuffer;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class KvCachePoolTest {
    private static final ModelConfig CONFIG =
            ModelConfig.parse(
                    TinyCheckpoint.random(new TinyCheckpoint.Shape(64, 96, 3, 4, 2, 16, true), 1)
                            .configJson(),
                    null);

    @Test
    void shouldTakeTheLowestRunThatFits() {
        try (KvCachePool pool = KvCachePool.open(CONFIG, 100)) {
            assertThat(pool.totalBlocks()).isEqualTo(7);
            KvRun first = pool.allocate(1);
            KvRun second = pool.allocate(17);
            KvRun third = pool.allocate(32);
            assertThat(first).hasToString("KvRun[firstBlock=0 blocks=1]");
            assertThat(second).hasToString("KvRun[firstBlock=1 blocks=2]");
            assertThat(third.firstSlot()).isEqualTo(48);
            assertThat(third.capacity()).isEqualTo(32);
            second.release();
            assertThat(pool.allocate(33)).isNull();
            assertThat(pool.allocate(16).firstBlock()).isEqualTo(1);
            assertThat(pool.usedBlocks()).isEqualTo(4);
            assertThat(pool.freeBlocks()).isEqualTo(3);
        }
    }

    @Test
    void shouldGrowInPlaceIfItCan() {
        try (KvCachePool pool = KvCachePool.open(CONFIG, 96)) {
            KvRun slots = pool.allocate(20);
            KvRun grown = pool.grow(slots, 50, 20);
            assertThat(grown).hasToString("KvRun[firstBlock=0 blocks=4]");
            assertThat(pool.usedBlocks()).isEqualTo(4);
            assertThatThrownBy(slots::release).hasMessageStartingWith("already released");
            assertThat(pool.growInPlace(grown, 97)).isNull();
            pool.allocate(16);
            assertThat(pool.growInPlace(grown, 80)).isNull();
            grown.release();
            assertThat(pool.usedBlocks()).isEqualTo(1);
        }
    }

    @Test
    void shouldMoveTheKvWhenItGrowsElsewhere() {
        try (KvCachePool pool = KvCachePool.open(CONFIG, 160)) {
            KvRun slots = pool.allocate(20);
            pool.allocate(16);
            mark(pool, slots, 20);
            KvRun moved = pool.grow(slots, 40, 20);
            assertThat(moved).hasToString("KvRun[firstBlock=3 blocks=3]");
            requireMarked(pool, moved, 20);
            assertThat(pool.usedBlocks()).isEqualTo(4);
        }
    }

    @Test
    void shouldMoveTheKvOverItself() {
        try (KvCachePool pool = KvCachePool.open(CONFIG, 96)) {
            KvRun before = pool.allocate(32);
            KvRun slots = pool.allocate(64);
            mark(pool, slots, 64);
            before.release();
            KvRun moved = pool.grow(slots, 65, 64);
            assertThat(moved).hasToString("KvRun[firstBlock=0 blocks=5]");
            requireMarked(pool, moved, 64);
            assertThat(pool.grow(moved, 97, 64)).isNull();
            requireMarked(pool, moved, 64);
            assertThat(pool.usedBlocks()).isEqualTo(5);
        }
    }

    @Test
    void shouldCopyWhatSomebodyElseReads() {
        try (KvCachePool pool = KvCachePool.open(CONFIG, 96)) {
            KvRun slots = pool.allocate(32);
            mark(pool, slots, 32);
            KvRun copy = pool.copy(slots, 48, 32);
            requireMarked(pool, copy, 32);
            requireMarked(pool, slots, 32);
            assertThat(pool.copy(slots, 48, 32)).isNull();
            assertThat(pool.usedBlocks()).isEqualTo(5);
        }
    }

    @Test
    void shouldKeepItsBooksWhenACopyFails() {
        try (KvCachePool pool = KvCachePool.open(CONFIG, 160)) {
            KvRun slots = pool.allocate(20);
            KvRun behind = pool.allocate(16);
            int arrays = pool.liveArrays();
            // More than there is can't be copied.
            assertThatThrownBy(() -> pool.grow(slots, 40, 160))
                    .isInstanceOf(RuntimeException.class);
            assertThatThrownBy(() -> pool.copy(slots, 40, 160))
                    .isInstanceOf(RuntimeException.class);
            assertThat(pool.usedBlocks()).isEqualTo(3);
            assertThat(pool.liveArrays()).isEqualTo(arrays);
            assertThat(pool.grow(slots, 40, 20)).hasToString("KvRun[firstBlock=3 blocks=3]");
            behind.release();
            assertThat(pool.usedBlocks()).isEqualTo(3);
        }
    }

    private static void mark(KvCachePool pool, KvRun slots, int tokens) {
        for (int layer = 0; layer < pool.layers(); layer++) {
            ByteBuffer bytes = pool.layerRegion(layer).buffer();
            for (int token = 0; token < tokens; token++) {
                bytes.putInt(keyAt(pool, slots, token), 1000 * layer + token);
                bytes.putInt(valueAt(pool, slots, token), 100_000 + 1000 * layer + token);
            }
        }
    }

    private static void requireMarked(KvCachePool pool, KvRun slots, int tokens) {
        for (int layer = 0; layer < pool.layers(); layer++) {
            ByteBuffer bytes = pool.layerRegion(layer).buffer();
            for (int token = 0; token < tokens; token++) {
                assertThat(bytes.getInt(keyAt(pool, slots, token))).isEqualTo(1000 * layer + token);
                assertThat(bytes.getInt(valueAt(pool, slots, token)))
                        .isEqualTo(100_000 + 1000 * layer + token);
            }
        }
    }

    private static int keyAt(KvCachePool pool, KvRun slots, int token) {
        return pool.keyOffset(slots.firstBlock()) + token * pool.tokenBytes();
    }

    private static int valueAt(KvCachePool pool, KvRun slots, int token) {
        return pool.valueOffset(slots.firstBlock()) + token * pool.tokenBytes();
    }

    @Test
    void shouldRefuseSecondRelease() {
        try (KvCachePool pool = KvCachePool.open(CONFIG, 64)) {
            KvRun slots = pool.allocate(20);
            slots.release();
            assertThat(pool.usedBlocks()).isZero();
            assertThatThrownBy(slots::release)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage("already released: KvRun[firstBlock=0 blocks=2]");
            assertThat(pool.usedBlocks()).isZero();
        }
    }

    @Test
    void shouldRefuseSizesThatItCannotHave() {
        for (int tokens : new int[] {0, -1, Integer.MAX_VALUE}) {
            assertThatThrownBy(() -> KvCachePool.open(CONFIG, tokens))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageStartingWith("tokens=" + tokens + " layerBytes=");
        }
    }

    @Test
    void shouldShareItsBytesWithTheEngine() {
        try (KvCachePool pool = KvCachePool.open(CONFIG, 64)) {
            ByteBuffer bytes = pool.layerRegion(2).buffer();
            assertThat(bytes.alignedSlice(64).remaining()).isEqualTo(bytes.remaining());
            assertThat(bytes.remaining()).isEqualTo(2 * 4 * pool.blockBytes());
            assertThat(pool.blockBytes()).isEqualTo(16 * 2 * 16 * Float.BYTES);

            bytes.putFloat(pool.valueOffset(1) + pool.tokenBytes(), 42);
            try (NDArray found = pool.layerArray(2).get(1, 17, 0, 0)) {
                assertThat(found.getFloat()).isEqualTo(42);
            }
            try (NDArray keys = pool.layerArray(2).get(0, 32)) {
                keys.addi(7);
            }
            assertThat(bytes.getFloat(pool.keyOffset(2))).isEqualTo(7);
        }
    }

    /** Takes and gives back as the numbers say; a model of single bits keeps the books. */
    @Property
    void runsNeverOverlapAndAreTheLowest(
            @ForAll @Size(max = 60) List<@IntRange(min = -8, max = 8) Integer> steps) {
        BlockRuns runs = new BlockRuns(24);
        BitSet model = new BitSet();
        Map<Integer, Integer> held = new LinkedHashMap<>();
        for (int step : steps) {
            if (step > 0) {
                int start = runs.take(step);
                assertThat(start).isEqualTo(lowest(model, step, 24));
                if (start != BlockRuns.NO_ROOM) {
                    model.set(start, start + step);
                    held.put(start, step);
                }
            } else if (!held.isEmpty()) {
                int start = held.keySet().stream().skip(-step % held.size()).findFirst().get();
                int length = held.remove(start);
                runs.giveBack(start, length);
                model.clear(start, start + length);
            }
            assertThat(runs.used()).isEqualTo(model.cardinality());
        }
        held.forEach(runs::giveBack);
        assertThat(runs.take(24)).isZero();
    }

    private static int lowest(BitSet taken, int length, int size) {
        for (int start = 0; start + length <= size; start++) {
            if (taken.get(start, start + length).isEmpty()) {
                return start;
            }
        }
        return BlockRuns.NO_ROOM;
    }
}
