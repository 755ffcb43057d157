// SPDX-License-Identifier: Apache-2.0
package io.kvlink.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.spi.BlockHash;
import io.kvlink.spi.DType;
import io.kvlink.spi.KvLayout;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

final class BlockFormatTest {

    private static final KvLayout LAYOUT = KvLayout.single("m", 2, 2, 4, DType.BF16, 16);
    private static final BlockHash HASH = BlockHash.chain(new int[16], 16, 16, "m", "").get(0);
    private static final int FILE_BYTES = 128 + 2 * 16 * 32;

    private final BlockFormat format = new BlockFormat(LAYOUT, 16);

    @Property(tries = 300)
    void noFlippedBitIsServed(
            @ForAll @IntRange(max = FILE_BYTES - 1) int at, @ForAll @IntRange(max = 7) int bit) {
        ByteBuffer payload = payload();
        ByteBuffer header = format.header(HASH, payload);
        assertThat(format.fault(HASH, header, payload)).isEmpty();
        ByteBuffer hit = at < BlockFormat.HEADER_BYTES ? header : payload;
        int index = at < BlockFormat.HEADER_BYTES ? at : at - BlockFormat.HEADER_BYTES;
        hit.put(index, (byte) (hit.get(index) ^ 1 << bit));
        assertThat(format.fault(HASH, header, payload)).isNotEmpty();
    }

    @Test
    void shouldRefuseTheFileOfAnotherBlock() {
        BlockHash other = BlockHash.chain(new int[16], 16, 16, "m", "salt").get(0);
        ByteBuffer payload = payload();
        assertThat(format.fault(other, format.header(HASH, payload), payload))
                .isEqualTo("header byte 64");
    }

    @Test
    void shouldKeepLayoutsApart() {
        List<KvLayout> layouts =
                List.of(
                        LAYOUT,
                        KvLayout.single("n", 2, 2, 4, DType.BF16, 16),
                        KvLayout.single("m", 3, 2, 4, DType.BF16, 16),
                        KvLayout.single("m", 2, 4, 4, DType.BF16, 16),
                        KvLayout.single("m", 2, 2, 8, DType.BF16, 16),
                        KvLayout.single("m", 2, 2, 4, DType.F16, 16),
                        KvLayout.single("m", 2, 2, 4, DType.F8_E4M3, 16),
                        KvLayout.single("m", 2, 2, 4, DType.F8_E5M2, 16));
        Set<String> names =
                layouts.stream()
                        .map(layout -> new BlockFormat(layout, 16).namespace())
                        .collect(Collectors.toSet());
        names.add(new BlockFormat(LAYOUT, 32).namespace());
        assertThat(names).hasSize(layouts.size() + 1);
        // An engine's own block size is nobody else's business.
        assertThat(new BlockFormat(KvLayout.single("m", 2, 2, 4, DType.BF16, 1), 16).namespace())
                .isEqualTo(format.namespace());
    }

    private ByteBuffer payload() {
        byte[] bytes = new byte[format.payloadBytes()];
        new Random(1).nextBytes(bytes);
        return ByteBuffer.wrap(bytes);
    }
}
