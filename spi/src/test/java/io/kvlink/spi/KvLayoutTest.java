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

    @Property(tries = 500)
    void runsAreTheBytesOfTheNaiveIndex(
            @ForAll AxisOrder order,
            @ForAll @IntRange(max = 4) int blockShift,
            @ForAll @IntRange(min = 1, max = 9) int blockCount,
            @ForAll long seed) {
        Random random = new Random(seed);
        KvLayout layout =
                KvLayout.builder("m", 1, 2, 3, DType.F16, 1 << blockShift).axisOrder(order).build();
        int inRegion = blockCount + random.nextInt(5);
        int tokens = blockCount << blockShift;
        int from = random.nextInt(tokens);
        int to = from + 1 + random.nextInt(tokens - from);
        BlockTable table = shuffled(inRegion, blockCount, random);

        long regionBytes = inRegion * layout.blockBytes();
        List<Run> runs = layout.runs(table, from, to, regionBytes);

        assertThat(bytesOf(runs)).isEqualTo(naive(layout, table, from, to, inRegion));
        assertThat(runs.stream().mapToLong(Run::bytes).sum())
                .isEqualTo(layout.layerBytes(to - from));
        for (int i = 1; i < runs.size(); i++) {
            Run before = runs.get(i - 1);
            assertThat(before.offset() + before.bytes()).isNotEqualTo(runs.get(i).offset());
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
        differs("tp=0 of 1/1 of 2", parallel(1, 2, 0, 1));
        differs("pp=0 of 1/0 of 2", parallel(0, 1, 0, 2));
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
    }

    private static List<Long> naive(
            KvLayout layout, BlockTable table, int from, int to, int blocksInRegion) {
        int blockSize = layout.blockSize();
        long half = layout.tokenBytes() / 2;
        List<Long> bytes = new ArrayList<>();
        for (int kv = 0; kv < 2; kv++) {
            for (int token = from; token < to; token++) {
                long block = table.block(token / blockSize);
                long slot = token % blockSize;
                for (long i = 0; i < half; i++) {
                    bytes.add(
                            layout.axisOrder() == AxisOrder.KV_FIRST
                                    ? (((long) kv * blocksInRegion + block) * blockSize + slot)
                                                    * half
                                            + i
                                    : ((block * 2 + kv) * blockSize + slot) * half + i);
                }
            }
        }
        return bytes;
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
