// SPDX-License-Identifier: Apache-2.0
package io.kvlink.offload;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.offload.BlockMoves.Move;
import io.kvlink.spi.BlockTable;
import io.kvlink.spi.DType;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvLayout.AxisOrder;
import io.kvlink.spi.KvLayout.Run;
import io.kvlink.spi.MemoryRegion;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

final class BlockMovesTest {

    private static final int KEPT = 12;
    private static final int TOKENS = 3 * KEPT;

    private final HostCopier copier = new HostCopier();

    @Property(tries = 300)
    void whatWasSavedIsLoadedToTheSameTokensAndToNoOther(
            @ForAll AxisOrder order,
            @ForAll @IntRange(max = 4) int shift,
            @ForAll @IntRange(max = TOKENS - 1) int first,
            @ForAll @IntRange(min = 1, max = TOKENS) int last,
            @ForAll long seed) {
        KvLayout layout =
                KvLayout.builder("m", 1, 1, 2, DType.F16, 1 << shift).axisOrder(order).build();
        Random random = new Random(seed);
        MemoryRegion source = region(layout, random);
        MemoryRegion target = region(layout, random);
        BlockTable there = table(layout, random);
        BlockTable here = table(layout, random);
        int end = Math.max(last, first + 1);
        byte[] before = tokens(layout, target, here, 0, first);
        byte[] behind = tokens(layout, target, here, end, TOKENS);
        for (int block = 0; block < 3; block++) {
            MemoryRegion kept = MemoryRegion.ofBuffer(ByteBuffer.allocate(KEPT * 8));
            int from = block * KEPT;
            copier.save(source, kept, moves(layout, there, source, from, from + KEPT));
            int begin = Math.max(first, from);
            int stop = Math.min(end, from + KEPT);
            if (begin < stop) {
                copier.load(target, kept, moves(layout, here, target, begin, stop));
            }
        }
        assertThat(tokens(layout, target, here, first, end))
                .isEqualTo(tokens(layout, source, there, first, end));
        assertThat(tokens(layout, target, here, 0, first)).isEqualTo(before);
        assertThat(tokens(layout, target, here, end, TOKENS)).isEqualTo(behind);
    }

    @Property(tries = 20)
    void aWholeBlockInARowIsOneMove(@ForAll @IntRange(max = 2) int block) {
        KvLayout layout =
                KvLayout.builder("m", 1, 1, 2, DType.F16, 16)
                        .axisOrder(AxisOrder.BLOCK_FIRST)
                        .build();
        BlockTable table = BlockTable.range(0, 3);
        assertThat(BlockMoves.of(layout, table, 16, 16 * block, 16 * (block + 1), 3 * 128))
                .isEqualTo(List.of(new Move(128L * block, 0, 128)));
    }

    private static List<Move> moves(
            KvLayout layout, BlockTable table, MemoryRegion region, int from, int to) {
        return BlockMoves.of(layout, table, KEPT, from, to, region.bytes());
    }

    private static int blocks(KvLayout layout) {
        return (TOKENS + layout.blockSize() - 1) / layout.blockSize();
    }

    private static MemoryRegion region(KvLayout layout, Random random) {
        byte[] content = new byte[Math.toIntExact(blocks(layout) * layout.blockBytes())];
        random.nextBytes(content);
        return MemoryRegion.ofBuffer(ByteBuffer.wrap(content));
    }

    private static BlockTable table(KvLayout layout, Random random) {
        List<Integer> all = IntStream.range(0, blocks(layout)).boxed().collect(Collectors.toList());
        if (random.nextBoolean()) {
            Collections.shuffle(all, random);
        }
        return BlockTable.of(all.stream().mapToInt(Integer::intValue).toArray());
    }

    // Token by token, as the layout's own rule has it.
    private static byte[] tokens(
            KvLayout layout, MemoryRegion region, BlockTable table, int from, int to) {
        ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(layout.layerBytes(to - from)));
        for (int token = from; token < to; token++) {
            for (Run run : layout.runs(table, token, token + 1, region.bytes())) {
                bytes.put(region.slice(run.offset(), run.bytes()).buffer());
            }
        }
        return Arrays.copyOf(bytes.array(), bytes.position());
    }
}
