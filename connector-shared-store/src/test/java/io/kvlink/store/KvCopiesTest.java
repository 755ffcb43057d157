// SPDX-License-Identifier: Apache-2.0
package io.kvlink.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.spi.BlockTable;
import io.kvlink.spi.DType;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvLayout.AxisOrder;
import io.kvlink.spi.KvLayout.Run;
import io.kvlink.spi.MemoryRegion;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

final class KvCopiesTest {

    private static final int STORE_BLOCK = 12;
    private static final int TOKENS = 3 * STORE_BLOCK;

    @Property(tries = 300)
    void whatWasGatheredIsScatteredToTheSameTokens(
            @ForAll AxisOrder from,
            @ForAll AxisOrder to,
            @ForAll @IntRange(max = 4) int fromShift,
            @ForAll @IntRange(max = 4) int toShift,
            @ForAll @IntRange(max = TOKENS - 1) int first,
            @ForAll @IntRange(min = 1, max = TOKENS) int last,
            @ForAll long seed) {
        KvLayout source = layout(1 << fromShift, from);
        KvLayout target = layout(1 << toShift, to);
        Random random = new Random(seed);
        BlockTable there = table(source, random);
        BlockTable here = table(target, random);
        List<MemoryRegion> sent = regions(source, random);
        List<MemoryRegion> got = regions(target, random);
        int end = Math.max(last, first + 1);
        for (int layer = 0; layer < 2; layer++) {
            byte[] head = bytes(target, got.get(layer), here, 0, first);
            byte[] tail = bytes(target, got.get(layer), here, end, TOKENS);
            for (int block = 0; block < 3; block++) {
                int begin = Math.max(first, block * STORE_BLOCK);
                int stop = Math.min(end, (block + 1) * STORE_BLOCK);
                ByteBuffer payload = ByteBuffer.allocate(2 * STORE_BLOCK * 8);
                new KvCopies(source, STORE_BLOCK)
                        .gather(layer, sent.get(layer), there, block, payload);
                if (begin < stop) {
                    new KvCopies(target, STORE_BLOCK)
                            .scatter(layer, got.get(layer), here, begin, stop, payload);
                }
            }
            assertThat(bytes(target, got.get(layer), here, first, end))
                    .isEqualTo(bytes(source, sent.get(layer), there, first, end));
            assertThat(bytes(target, got.get(layer), here, 0, first)).isEqualTo(head);
            assertThat(bytes(target, got.get(layer), here, end, TOKENS)).isEqualTo(tail);
        }
    }

    private static KvLayout layout(int blockSize, AxisOrder order) {
        return KvLayout.builder("m", 2, 1, 2, DType.F16, blockSize).axisOrder(order).build();
    }

    // All blocks of the memory, so that keys and values of neighbours often touch.
    private static BlockTable table(KvLayout layout, Random random) {
        List<Integer> blocks = new ArrayList<>();
        for (int i = 0; i < blocks(layout); i++) {
            blocks.add(i);
        }
        if (random.nextBoolean()) {
            Collections.shuffle(blocks, random);
        } else {
            Collections.rotate(blocks, 1);
        }
        return BlockTable.of(blocks.stream().mapToInt(Integer::intValue).toArray());
    }

    private static int blocks(KvLayout layout) {
        return (TOKENS + layout.blockSize() - 1) / layout.blockSize();
    }

    private static List<MemoryRegion> regions(KvLayout layout, Random random) {
        List<MemoryRegion> regions = new ArrayList<>();
        for (int layer = 0; layer < 2; layer++) {
            byte[] content = new byte[Math.toIntExact(blocks(layout) * layout.blockBytes())];
            random.nextBytes(content);
            regions.add(MemoryRegion.ofBuffer(ByteBuffer.wrap(content)));
        }
        return regions;
    }

    private static byte[] bytes(
            KvLayout layout, MemoryRegion region, BlockTable table, int from, int to) {
        ByteBuffer out = ByteBuffer.allocate(Math.toIntExact(layout.layerBytes(to - from)));
        for (Run run : layout.runs(table, from, to, region.bytes())) {
            out.put(region.slice(run.offset(), run.bytes()).buffer());
        }
        return out.array();
    }
}
