// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.spi.KvLayout.AxisOrder;
import io.kvlink.spi.KvLayout.Run;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

final class KvLayoutTest {

    private static final KvLayout LAYOUT = KvLayout.single("m", 2, 3, 4, DType.F16, 8);

    @Test
    void shouldCountBytes() {
        assertThat(LAYOUT.tokenBytes()).isEqualTo(2 * 3 * 4 * 2);
        assertThat(LAYOUT.layerBytes(5)).isEqualTo(240);
        assertThat(LAYOUT.blockBytes()).isEqualTo(8 * 48);
    }

    @Test
    void shouldJoinRunsThatTouch() {
        long region = 4 * LAYOUT.blockBytes();
        assertThat(LAYOUT.runs(BlockTable.of(1, 2), 0, 16, region))
                .containsExactly(new Run(192, 384), new Run(192 + 768, 384));
        assertThat(LAYOUT.runs(BlockTable.range(0, 4), 0, 32, region))
                .containsExactly(new Run(0, region));
        assertThat(blockFirst().runs(BlockTable.range(0, 1), 0, 8, region))
                .containsExactly(new Run(0, LAYOUT.blockBytes()));
        assertThat(LAYOUT.runs(BlockTable.of(2, 1), 0, 16, region)).hasSize(4);
    }

    @Test
    void shouldGiveNoRunForNoTokens() {
        assertThat(LAYOUT.runs(BlockTable.of(0), 3, 3, LAYOUT.blockBytes())).isEmpty();
    }

    @Property(tries = 1000)
    void runsAreTheBytesOfTheNaiveIndex(
            @ForAll AxisOrder order,
            @ForAll boolean latent,
            @ForAll @IntRange(max = 4) int blockShift,
            @ForAll @IntRange(min = 1, max = 9) int blockCount,
            @ForAll long seed) {
        Random random = new Random(seed);
        int kvHeads = latent ? 1 : 1 + random.nextInt(4);
        KvLayout.Builder builder =
                KvLayout.builder("m", 1, kvHeads, 3, DType.F16, 1 << blockShift).axisOrder(order);
        KvLayout layout = latent ? builder.latent().build() : builder.build();
        int inRegion = blockCount + random.nextInt(5);
        int tokens = blockCount << blockShift;
        int from = random.nextInt(tokens);
        int to = from + 1 + random.nextInt(tokens - from);
        int firstHead = random.nextInt(kvHeads);
        int heads = 1 + random.nextInt(kvHeads - firstHead);
        BlockTable table = shuffled(inRegion, blockCount, random);

        long regionBytes = inRegion * layout.blockBytes();
        List<Run> runs = layout.runs(table, from, to, regionBytes, firstHead, heads);

        Naive naive = new Naive(layout, inRegion);
        assertThat(bytesOf(runs)).isEqualTo(naive.bytes(table, from, to, firstHead, heads));
        assertThat(runs.stream().mapToLong(Run::bytes).sum())
                .isEqualTo((to - from) * layout.tokenBytes(heads));
        for (int i = 1; i < runs.size(); i++) {
            Run before = runs.get(i - 1);
            assertThat(before.offset() + before.bytes()).isNotEqualTo(runs.get(i).offset());
        }
        if (heads == kvHeads) {
            assertThat(layout.runs(table, from, to, regionBytes)).isEqualTo(runs);
        }
    }

    @Test
    void shouldRefuseWhatIsOutside() {
        long region = 4 * LAYOUT.blockBytes();
        refusesRun(BlockTable.of(4), 0, 1, region);
        refusesRun(BlockTable.of(0, 4), 0, 9, region);
        refusesRun(BlockTable.of(0), 0, 9, region);
        refusesRun(BlockTable.of(0), -1, 1, region);
        refusesRun(BlockTable.of(0), 2, 1, region);
        assertThat(LAYOUT.runs(BlockTable.of(0, 4), 0, 8, region))
                .as("a block outside that no token touches")
                .hasSize(2);
    }

    @Test
    void shouldNameTheFirstDifferenceWithBothValues() {
        assertThat(LAYOUT.firstDifference(LAYOUT)).isEmpty();
        assertThat(LAYOUT.firstDifference(KvLayout.single("m", 2, 3, 4, DType.F16, 16))).isEmpty();
        assertThat(LAYOUT.firstDifference(blockFirst())).isEmpty();
        differs("model=m/n", KvLayout.single("n", 9, 3, 4, DType.F16, 8));
        differs("layers=2/9", KvLayout.single("m", 9, 3, 4, DType.F16, 8));
        differs("kvHeads=3/1", KvLayout.single("m", 2, 1, 4, DType.F16, 8));
        differs("headSize=4/5", KvLayout.single("m", 2, 3, 5, DType.F16, 8));
        differs("dtype=F16/BF16", KvLayout.single("m", 2, 3, 4, DType.BF16, 8));
        differs("tp=0 of 1/1 of 2", rank(2, 2).tensorParallel(1, 2));
        differs("pp=0 of 1/0 of 2", rank(1, 3).pipelineParallel(0, 2).stageLayers(List.of(1, 1)));
        assertThat(
                        rank(1, 3)
                                .pipelineParallel(0, 2)
                                .stageLayers(List.of(1, 2))
                                .build()
                                .firstDifference(
                                        rank(2, 3)
                                                .pipelineParallel(1, 2)
                                                .stageLayers(List.of(1, 2))
                                                .build()))
                .isEqualTo("pp=0 of 2/1 of 2");
    }

    @Test
    void shouldFindNoObstacleInOtherRanks() {
        for (KvLayout.Builder other :
                List.of(
                        rank(2, 2).tensorParallel(1, 2),
                        rank(2, 1).tensorParallel(7, 8),
                        rank(1, 3).pipelineParallel(1, 2).stageLayers(List.of(1, 1)))) {
            assertThat(LAYOUT.firstObstacle(other.build())).isEmpty();
        }
        assertThat(LAYOUT.firstObstacle(parallel(1, 2, 0, 1))).isEqualTo("kvHeads=3/6");
        assertThat(LAYOUT.firstObstacle(parallel(0, 1, 0, 2))).isEqualTo("layers=2/4");
    }

    @Test
    void shouldHaveOneLatentRowOnEveryRank() {
        KvLayout keysAndValues = KvLayout.single("m", 2, 1, 576, DType.BF16, 8);
        KvLayout latent =
                KvLayout.builder("m", 2, 1, 576, DType.BF16, 8)
                        .latent()
                        .tensorParallel(3, 4)
                        .build();
        assertThat(latent.tokenBytes()).isEqualTo(576 * 2);
        assertThat(latent.modelKvHeads()).isEqualTo(1);
        assertThat(keysAndValues.firstObstacle(latent)).isEqualTo("arrays=2/1");
        assertThat(latent.shards()).extracting(KvShardMap.Shard::firstHead).containsOnly(0);
    }

    @Test
    void shouldRefuseImpossibleLayouts() {
        refuses("model=", () -> KvLayout.single("", 2, 3, 4, DType.F16, 8));
        refuses("layers=0", () -> KvLayout.single("m", 0, 3, 4, DType.F16, 8));
        refuses("kvHeads=-1", () -> KvLayout.single("m", 1, -1, 4, DType.F16, 8));
        refuses("headSize=0", () -> KvLayout.single("m", 1, 1, 0, DType.F16, 8));
        refuses("blockSize=12", () -> KvLayout.single("m", 1, 1, 1, DType.F16, 12));
        refuses("tpRank=2/2", () -> parallel(2, 2, 0, 1));
        refuses("ppRank=-1/1", () -> parallel(0, 1, -1, 1));
        refuses("modelKvHeads=-1", () -> rank(2, 3).modelKvHeads(-1).build());
        refuses("stageLayers=[2, 1]", () -> rank(2, 3).stageLayers(List.of(2, 1)).build());
        refuses("stageLayers=[0]", () -> rank(2, 3).stageLayers(List.of(0)).build());
        refuses("kvHeads=3 of a latent row", () -> rank(2, 3).latent().build());
        refuses(
                "shard=Shard[rank=0, firstLayer=0, layers=2, firstHead=0, heads=1] kvHeads=2 layers=2",
                () -> rank(2, 2).tensorParallel(0, 2).build());
    }

    // Index of an element as the axis order's Javadoc writes it, axis by axis.
    private record Naive(KvLayout layout, int blocks) {

        List<Long> bytes(BlockTable table, int from, int to, int firstHead, int heads) {
            List<Long> bytes = new ArrayList<>();
            for (int array = 0; array < layout.arrays(); array++) {
                for (int token = from; token < to; token++) {
                    int block = table.block(token / layout.blockSize());
                    int slot = token % layout.blockSize();
                    for (int head = firstHead; head < firstHead + heads; head++) {
                        long first = index(array, block, slot, head);
                        for (long i = 0; i < 3 * 2; i++) {
                            bytes.add(first * 3 * 2 + i);
                        }
                    }
                }
            }
            return bytes;
        }

        private long index(int array, int block, int slot, int head) {
            int arrays = layout.arrays();
            int size = layout.blockSize();
            int kvHeads = layout.kvHeads();
            return switch (layout.axisOrder()) {
                case KV_FIRST -> (((long) array * blocks + block) * size + slot) * kvHeads + head;
                case BLOCK_FIRST ->
                        (((long) block * arrays + array) * size + slot) * kvHeads + head;
                case KV_FIRST_HEAD_MAJOR ->
                        (((long) array * blocks + block) * kvHeads + head) * size + slot;
                case BLOCK_FIRST_HEAD_MAJOR ->
                        (((long) block * arrays + array) * kvHeads + head) * size + slot;
            };
        }
    }

    private static List<Long> bytesOf(List<Run> runs) {
        List<Long> bytes = new ArrayList<>();
        for (Run run : runs) {
            for (long i = 0; i < run.bytes(); i++) {
                bytes.add(run.offset() + i);
            }
        }
        return bytes;
    }

    private static BlockTable shuffled(int inRegion, int count, Random random) {
        List<Integer> all = new ArrayList<>();
        for (int i = 0; i < inRegion; i++) {
            all.add(i);
        }
        Collections.shuffle(all, random);
        return BlockTable.of(all.stream().limit(count).mapToInt(Integer::intValue).toArray());
    }

    private static KvLayout blockFirst() {
        return KvLayout.builder("m", 2, 3, 4, DType.F16, 8)
                .axisOrder(AxisOrder.BLOCK_FIRST)
                .build();
    }

    private static KvLayout parallel(int tpRank, int tpSize, int ppRank, int ppSize) {
        return KvLayout.builder("m", 2, 3, 4, DType.F16, 8)
                .tensorParallel(tpRank, tpSize)
                .pipelineParallel(ppRank, ppSize)
                .build();
    }

    // A rank of LAYOUT's model.
    private static KvLayout.Builder rank(int layers, int kvHeads) {
        return KvLayout.builder("m", layers, kvHeads, 4, DType.F16, 8).modelKvHeads(3);
    }

    private static void differs(String expected, KvLayout.Builder other) {
        differs(expected, other.build());
    }

    private static void differs(String expected, KvLayout other) {
        assertThat(LAYOUT.firstDifference(other)).isEqualTo(expected);
    }

    private static void refusesRun(BlockTable table, int from, int to, long region) {
        assertThatThrownBy(() -> LAYOUT.runs(table, from, to, region))
                .isInstanceOf(IndexOutOfBoundsException.class);
    }

    private static void refuses(String message, ThrowingCallable call) {
        assertThatIllegalArgumentException().isThrownBy(call).withMessage(message);
    }
}
