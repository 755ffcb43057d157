// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.transfer;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.spi.DType;
import io.kvlink.spi.KvLayerGroup;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.MemoryRegion;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PartTest {

    // 3 heads of 2 bytes: 6 bytes a row, keys and values.
    private static final KvLayout LAYOUT = KvLayout.single("m", 4, 3, 2, DType.I8, 4);

    private static final KvLayerGroup GROUP = KvLayerGroup.of(LAYOUT, List.of(0, 3, 5, 8));

    @Test
    void shouldCutItsHeadsWhereverTheSourceIsCut() {
        byte[] bytes = new byte[2 * 5 * 6];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) i;
        }
        Part middle = new Part(0, GROUP, 1, 2, 1, 1);
        for (int size = 1; size <= bytes.length; size++) {
            List<MemoryRegion> source = new ArrayList<>();
            for (int from = 0; from < bytes.length; from += size) {
                int count = Math.min(size, bytes.length - from);
                source.add(MemoryRegion.ofBuffer(ByteBuffer.wrap(bytes, from, count).slice()));
            }
            List<Byte> cut = new ArrayList<>();
            for (MemoryRegion region : middle.cut(source)) {
                ByteBuffer buffer = region.buffer();
                while (buffer.hasRemaining()) {
                    cut.add(buffer.get());
                }
            }
            assertThat(cut).hasSize((int) middle.bytes(bytes.length)).hasSize(20);
            for (int i = 0; i < 20; i++) {
                assertThat(cut.get(i)).isEqualTo((byte) (i / 2 * 6 + 2 + i % 2));
            }
        }
    }

    @Test
    void shouldCutNothingOffAllHeads() {
        List<MemoryRegion> source = List.of(MemoryRegion.ofBuffer(ByteBuffer.allocate(12)));
        assertThat(new Part(0, GROUP, 1, 2, 0, 3).cut(source)).isSameAs(source);
        assertThat(Part.all(0, GROUP).whole()).isTrue();
        assertThat(new Part(0, GROUP, 1, 2, 0, 3).whole()).isFalse();
    }

    @Test
    void shouldCountItsLayersAndBytes() {
        Part part = new Part(0, GROUP, 1, 2, 1, 2);
        assertThat(IntStream.range(0, 10).filter(layer -> part.indexOf(layer) >= 0).toArray())
                .containsExactly(3, 5);
        assertThat(part.indexOf(5)).isEqualTo(1);
        assertThat(part.tokenBytes()).isEqualTo(2 * 2 * 2);
    }
}
