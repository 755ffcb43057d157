// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;

final class MemoryRegionTest {

    @Test
    void shouldCoverABufferFromPositionToLimit() {
        ByteBuffer buffer = ByteBuffer.allocate(16).position(4).limit(12);
        MemoryRegion region = MemoryRegion.ofBuffer(buffer);
        buffer.clear().put(4, (byte) 7);
        assertThat(region.kind()).isEqualTo(MemoryKind.HEAP);
        assertThat(region.bytes()).isEqualTo(8);
        assertThat(region.device()).isEqualTo(-1);
        assertThat(region.address()).isZero();
        assertThat(region.buffer().get(0)).as("the same memory").isEqualTo((byte) 7);
        assertThat(region.buffer().order()).isEqualTo(ByteOrder.nativeOrder());
    }

    @Test
    void shouldGiveAFreshViewEachTime() {
        MemoryRegion region = MemoryRegion.ofBuffer(ByteBuffer.allocateDirect(8));
        region.buffer().position(5).limit(6);
        assertThat(region.kind()).isEqualTo(MemoryKind.DIRECT);
        assertThat(region.buffer().position()).isZero();
        assertThat(region.buffer().limit()).isEqualTo(8);
    }

    @Test
    void shouldSliceTheSameMemory() {
        MemoryRegion region = MemoryRegion.ofBuffer(ByteBuffer.allocate(16));
        MemoryRegion inner = region.slice(4, 8).slice(2, 3);
        region.buffer().put(6, (byte) 9);
        assertThat(inner.bytes()).isEqualTo(3);
        assertThat(inner.buffer().get(0)).isEqualTo((byte) 9);
        assertThat(region.slice(16, 0).bytes()).isZero();
    }

    @Test
    void shouldMoveTheAddressOfASlice() {
        MemoryRegion device = MemoryRegion.ofDevice(1, 0x1000, 64).slice(16, 8);
        assertThat(device.address()).isEqualTo(0x1010);
        assertThat(device.device()).isEqualTo(1);
        assertThat(device.kind().host()).isFalse();
        MemoryRegion pinned = MemoryRegion.ofPinned(ByteBuffer.allocateDirect(8), 0x2000);
        assertThat(pinned.slice(4, 4).address()).isEqualTo(0x2004);
        assertThat(pinned.slice(4, 4).kind()).isEqualTo(MemoryKind.PINNED);
    }

    @Test
    void shouldRefuseSlicesOutside() {
        MemoryRegion region = MemoryRegion.ofBuffer(ByteBuffer.allocate(8));
        long[][] outside = {{-1, 1}, {0, 9}, {8, 1}, {4, -1}, {1, Long.MAX_VALUE}};
        for (long[] part : outside) {
            assertThatThrownBy(() -> region.slice(part[0], part[1]))
                    .isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    @Test
    void shouldRefuseImpossibleMemory() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> MemoryRegion.ofPinned(ByteBuffer.allocate(8), 1))
                .withMessage("direct=false address=1");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> MemoryRegion.ofPinned(ByteBuffer.allocateDirect(8), 0))
                .withMessage("direct=true address=0");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> MemoryRegion.ofDevice(-1, 1, 1))
                .withMessage("device=-1 address=1 bytes=1");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> MemoryRegion.ofDevice(0, 1, 0))
                .withMessage("device=0 address=1 bytes=0");
    }

    @Test
    void shouldHaveNoBufferOnADevice() {
        assertThatIllegalStateException()
                .isThrownBy(() -> MemoryRegion.ofDevice(0, 0x10, 8).buffer())
                .withMessage(
                        "no host bytes: MemoryRegion[kind=DEVICE device=0 address=0x10 bytes=8]");
    }
}
