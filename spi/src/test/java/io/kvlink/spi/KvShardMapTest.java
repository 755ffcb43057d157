// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.kvlink.spi.KvShardMap.Shard;
import io.kvlink.spi.KvShardMap.Slice;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class KvShardMapTest {

    private static final int LAYERS = 7;

    /** All sizes up to 16, all numbers of heads up to 64, and pipelines of 1 to 3 stages. */
    @Test
    void shouldFillEveryShardOnceFromOwnersOnly() {
        for (int heads = 1; heads <= 64; heads++) {
            for (int from = 1; from <= 16; from++) {
                for (int to = 1; to <= 16; to++) {
                    int stages = 1 + (heads + from) % 3;
                    checkPair(
                            KvShardMap.shards(heads, from, KvShardMap.stages(LAYERS, stages)),
                            KvShardMap.shards(heads, to, KvShardMap.stages(LAYERS, 1 + to % 3)));
                }
            }
        }
    }

    private static void checkPair(List<Shard> producers, List<Shard> consumers) {
        int[] readers = new int[producers.size()];
        for (Shard consumer : consumers) {
            boolean[] filled = new boolean[consumer.layers() * consumer.heads()];
            Set<Integer> sources = new HashSet<>();
            for (Slice slice : KvShardMap.plan(producers, consumer)) {
                Shard source = producers.get(slice.source());
                assertThat(holds(source, slice)).as("%s of %s", slice, source).isTrue();
                fill(filled, consumer, slice);
                sources.add(slice.source());
            }
            for (boolean one : filled) {
                assertThat(one).as("%s from %s", consumer, producers).isTrue();
            }
            sources.forEach(source -> readers[source]++);
        }
        for (int rank = 0; rank < readers.length; rank += 5) {
            assertThat(KvShardMap.readers(producers, consumers, rank)).isEqualTo(readers[rank]);
        }
    }

    private static boolean holds(Shard shard, Slice slice) {
        return slice.firstLayer() >= shard.firstLayer()
                && slice.firstLayer() + slice.layers() <= shard.firstLayer() + shard.layers()
                && slice.firstHead() >= shard.firstHead()
                && slice.firstHead() + slice.heads() <= shard.firstHead() + shard.heads();
    }

    private static void fill(boolean[] filled, Shard consumer, Slice slice) {
        for (int layer = 0; layer < slice.layers(); layer++) {
            for (int head = 0; head < slice.heads(); head++) {
                int row = slice.firstLayer() + layer - consumer.firstLayer();
                int at = row * consumer.heads() + slice.firstHead() + head - consumer.firstHead();
                assertThat(filled[at]).as("%s written twice", slice).isFalse();
                filled[at] = true;
            }
        }
    }

    @Test
    void shouldHoldEveryHeadSomewhere() {
        for (int heads = 1; heads <= 64; heads++) {
            for (int size = 1; size <= 16; size++) {
                boolean[] held = new boolean[heads];
                for (Shard shard : KvShardMap.shards(heads, size, List.of(1))) {
                    for (int head = 0; head < shard.heads(); head++) {
                        held[shard.firstHead() + head] = true;
                    }
                }
                for (boolean one : held) {
                    assertThat(one).as("heads=%d size=%d", heads, size).isTrue();
                }
            }
        }
    }

    /** Heads of ranks as vLLM shares them out: 2 KV heads on 4 ranks are 0, 0, 1, 1. */
    @ParameterizedTest
    @CsvSource({"2,4,0,0", "2,4,1,0", "2,4,2,1", "2,4,3,1", "8,4,3,6", "1,8,7,0"})
    void shouldReplicateHeadsWhereRanksOutnumberThem(int heads, int size, int rank, int first) {
        Shard shard = KvShardMap.shards(heads, size, List.of(LAYERS)).get(rank);
        assertThat(shard.firstHead()).isEqualTo(first);
        assertThat(shard.heads()).isEqualTo(Math.max(1, heads / size));
    }

    @Test
    void shouldReadALatentRowFromTheFirstRankOnly() {
        List<Shard> producers = KvShardMap.shards(1, 4, List.of(LAYERS));
        List<Shard> consumers = KvShardMap.shards(1, 2, List.of(LAYERS));
        assertThat(KvShardMap.plan(producers, consumers.get(1)))
                .containsExactly(new Slice(0, 0, LAYERS, 0, 1));
        assertThat(KvShardMap.readers(producers, consumers, 0)).isEqualTo(2);
        assertThat(KvShardMap.readers(producers, consumers, 1)).isZero();
    }

    @Test
    void shouldCutWhereStagesEnd() {
        List<Shard> producers = KvShardMap.shards(4, 2, List.of(3, 4));
        assertThat(KvShardMap.plan(producers, new Shard(0, 0, 7, 0, 4)))
                .containsExactly(
                        new Slice(0, 0, 3, 0, 2),
                        new Slice(1, 0, 3, 2, 2),
                        new Slice(2, 3, 4, 0, 2),
                        new Slice(3, 3, 4, 2, 2));
    }

    @Test
    void shouldNameAHeadThatNobodyHolds() {
        List<Shard> producers = KvShardMap.shards(2, 1, List.of(1));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> KvShardMap.plan(producers, new Shard(0, 0, 1, 0, 3)))
                .withMessageStartingWith("layer=0 head=2 is held by none of");
        assertThatIllegalArgumentException().isThrownBy(() -> KvShardMap.stages(1, 2));
    }
}
