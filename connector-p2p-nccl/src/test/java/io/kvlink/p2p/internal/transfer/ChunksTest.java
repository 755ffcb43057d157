// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.transfer;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.spi.MemoryRegion;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ChunksTest {

    // Bytes of half a token: a key, or a value.
    private static final int HALF = 3;

    @ParameterizedTest
    @CsvSource({
        "10, 0, 1, 10",
        "10, 10, 1, 10",
        "10, 99, 1, 10",
        "10, 4, 3, 4",
        "12, 4, 3, 4",
        "1, 1, 1, 1",
        "64, 1, 64, 1",
        "65, 1, 33, 2",
        "100000, 512, 49, 2048",
        "2147483647, 1, 64, 33554432",
        "2147483647, 2147483646, 2, 2147483646"
    })
    void shouldCutIntoFewEnoughChunks(int tokens, int wanted, int count, int size) {
        Chunks chunks = Chunks.of(tokens, wanted, false);
        assertThat(chunks.count()).isEqualTo(count);
        assertThat(chunks.size()).isEqualTo(size);
        assertThat(chunks.from(0)).isZero();
        assertThat(chunks.to(count - 1)).isEqualTo(tokens);
    }

    @Test
    void shouldCountWhatIsComplete() {
        Chunks chunks = Chunks.of(10, 4, false);
        int[] computed = {0, 3, 4, 7, 8, 9, 10, 11};
        int[] complete = {0, 0, 1, 1, 2, 2, 3, 3};
        for (int i = 0; i < computed.length; i++) {
            assertThat(chunks.complete(computed[i])).as("%d", computed[i]).isEqualTo(complete[i]);
        }
    }

    @Test
    void shouldFindEachTokenWhereItsChunkWasPut() {
        for (int wanted : new int[] {0, 1, 3, 4, 7, 10}) {
            Chunks chunks = Chunks.of(10, wanted, false);
            MemoryRegion layer = MemoryRegion.ofBuffer(ByteBuffer.allocate(10 * 2 * HALF));
            for (int chunk = 0; chunk < chunks.count(); chunk++) {
                ByteBuffer to = chunks.region(layer, chunk).buffer();
                to.put(bytes(chunks.from(chunk), chunks.to(chunk)));
                assertThat(to.hasRemaining()).isFalse();
            }
            for (int from = 0; from < 10; from++) {
                for (int end = from + 1; end <= 10; end++) {
                    assertThat(read(chunks.tokens(layer, from, end, 2)))
                            .as("wanted=%d %d..%d", wanted, from, end)
                            .isEqualTo(bytes(from, end));
                }
            }
        }
    }

    @Test
    void shouldPutPiecesOneAfterTheOther() {
        Chunks chunks = Chunks.of(10, 4, false);
        List<MemoryRegion> layers = new ArrayList<>();
        for (int layer = 0; layer < 2; layer++) {
            layers.add(MemoryRegion.ofBuffer(ByteBuffer.allocate(10 * 2 * HALF)));
        }
        List<MemoryRegion> pieces = chunks.pieces(layers);
        assertThat(pieces).hasSize(6);
        assertThat(pieces.stream().mapToLong(MemoryRegion::bytes).toArray())
                .containsExactly(24, 24, 24, 24, 12, 12);
        for (int piece = 0; piece < 6; piece++) {
            pieces.get(piece).buffer().put(0, (byte) (piece + 1));
        }
        for (int layer = 0; layer < 2; layer++) {
            ByteBuffer all = layers.get(layer).buffer();
            assertThat(new byte[] {all.get(0), all.get(24), all.get(48)})
                    .containsExactly(layer + 1, layer + 3, layer + 5);
        }
    }

    // Keys of the tokens, then values, each recognisable.
    private static byte[] bytes(int from, int to) {
        byte[] bytes = new byte[(to - from) * 2 * HALF];
        int at = 0;
        for (int value = 0; value < 2; value++) {
            for (int token = from; token < to; token++) {
                for (int i = 0; i < HALF; i++) {
                    bytes[at++] = (byte) (token * 10 + value * HALF + i);
                }
            }
        }
        return bytes;
    }

    private static byte[] read(List<MemoryRegion> regions) {
        int bytes = (int) regions.stream().mapToLong(MemoryRegion::bytes).sum();
        ByteBuffer all = ByteBuffer.allocate(bytes);
        regions.forEach(region -> all.put(region.buffer()));
        return all.array();
    }
}
