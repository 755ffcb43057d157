// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.spi.HostLease;
import io.kvlink.spi.HostPool;
import io.kvlink.spi.MemoryRegion;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

final class TransferMemoryTest {

    @Test
    void shouldFillTheBufferFirstAndThenThePool() {
        FakePool pool = new FakePool(100);
        TransferMemory memory = new TransferMemory(new ReceiveBuffer(100), pool);
        LayerLeases leases = memory.tryLease(3, 40, "t1");
        assertThat(leases.regions()).hasSize(3).allMatch(region -> region.bytes() == 40);
        assertThat(memory.bufferBytes()).isEqualTo(80);
        assertThat(memory.poolBytes()).isEqualTo(40);
        assertThat(memory.leases()).isEqualTo(1);
        assertThat(pool.owners).containsExactly("t1");
        leases.close();
        assertThat(memory.bufferBytes() + memory.poolBytes() + memory.leases()).isZero();
        assertThatThrownBy(leases::close)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageStartingWith("released twice");
        assertThat(pool.leasedBytes()).isZero();
    }

    @Test
    void shouldLeaseAllLayersOrNone() {
        ReceiveBuffer buffer = new ReceiveBuffer(100);
        FakePool pool = new FakePool(50);
        TransferMemory memory = new TransferMemory(buffer, pool);
        assertThat(memory.tryLease(4, 40, "t1")).isNull();
        assertThat(buffer.leases()).isZero();
        assertThat(pool.leases()).isZero();
        assertThat(memory.bufferBytes() + memory.poolBytes() + memory.leases()).isZero();
    }

    @Test
    void shouldReleaseAllWhenThePoolThrows() {
        ReceiveBuffer buffer = new ReceiveBuffer(100);
        FakePool pool = new FakePool(500);
        pool.throwAfter = 1;
        TransferMemory memory = new TransferMemory(buffer, pool);
        assertThatThrownBy(() -> memory.tryLease(5, 40, "t1")).hasMessage("broken pool");
        assertThat(buffer.leases()).isZero();
        assertThat(pool.leases()).isZero();
        assertThat(memory.bufferBytes() + memory.poolBytes()).isZero();
    }

    @Test
    void shouldWorkWithoutAPool() {
        TransferMemory memory = new TransferMemory(new ReceiveBuffer(100), null);
        assertThat(memory.canEverFit(2, 50)).isTrue();
        assertThat(memory.canEverFit(3, 50)).isFalse();
        LayerLeases leases = memory.tryLease(2, 50, "t1");
        assertThat(memory.tryLease(1, 1, "t2")).isNull();
        leases.close();
    }

    @Test
    void shouldKnowWhatNeverFits() {
        TransferMemory memory = new TransferMemory(new ReceiveBuffer(100), new FakePool(100));
        assertThat(memory.canEverFit(2, 100)).isTrue();
        assertThat(memory.canEverFit(2, 101)).as("a layer is never split").isFalse();
        assertThat(memory.canEverFit(3, 60)).isFalse();
        assertThat(memory.canEverFit(1, Long.MAX_VALUE)).isFalse();
        assertThat(memory.canEverFit(Integer.MAX_VALUE, 1)).isFalse();
        assertThatThrownBy(() -> memory.canEverFit(0, 1)).hasMessage("layers=0 bytesPerLayer=1");
        assertThatThrownBy(() -> memory.tryLease(1, 0, "t")).hasMessage("layers=1 bytesPerLayer=0");
    }

    @Property(tries = 300)
    void accountsAreExact(
            @ForAll @IntRange(max = 300) int budget,
            @ForAll @IntRange(max = 300) int poolMax,
            @ForAll @Size(max = 40) List<@IntRange(min = -10, max = 400) Integer> steps) {
        ReceiveBuffer buffer = new ReceiveBuffer(budget);
        FakePool pool = new FakePool(poolMax);
        TransferMemory memory = new TransferMemory(buffer, pool);
        List<LayerLeases> open = new ArrayList<>();
        for (int step : steps) {
            if (step > 0) {
                int layers = 1 + step % 4;
                long bytes = 1L + step / 4;
                LayerLeases leases = memory.tryLease(layers, bytes, "t");
                if (leases != null) {
                    assertThat(leases.regions()).hasSize(layers);
                    assertThat(memory.canEverFit(layers, bytes)).isTrue();
                    open.add(leases);
                } else if (open.isEmpty() && buffer.reservedBytes() == 0) {
                    assertThat(memory.canEverFit(layers, bytes)).isFalse();
                }
            } else if (-step < open.size()) {
                open.remove(-step).close();
            }
            long sum = 0;
            for (LayerLeases leases : open) {
                sum += leases.regions().stream().mapToLong(MemoryRegion::bytes).sum();
            }
            assertThat(memory.bufferBytes() + memory.poolBytes()).isEqualTo(sum);
            assertThat(memory.bufferBytes()).isEqualTo(buffer.leasedBytes());
            assertThat(memory.poolBytes()).isEqualTo(pool.leasedBytes());
            assertThat(memory.leases()).isEqualTo(open.size());
        }
        open.forEach(LayerLeases::close);
        assertThat(buffer.leases() + pool.leases() + memory.leases()).isZero();
    }

    /** A pool of heap memory with a limit. */
    private static final class FakePool implements HostPool {

        private final long maxBytes;
        private final List<String> owners = new ArrayList<>();
        private long leased;
        private int leases;
        private int throwAfter = Integer.MAX_VALUE;

        FakePool(long maxBytes) {
            this.maxBytes = maxBytes;
        }

        @Override
        public @Nullable HostLease tryLease(long bytes, String owner) {
            if (throwAfter-- == 0) {
                throw new IllegalStateException("broken pool");
            }
            if (leased + bytes > maxBytes) {
                return null;
            }
            owners.add(owner);
            leased += bytes;
            leases++;
            MemoryRegion region = MemoryRegion.ofBuffer(ByteBuffer.allocate((int) bytes));
            return new HostLease() {
                @Override
                public MemoryRegion region() {
                    return region;
                }

                @Override
                public void pin() {}

                @Override
                public void unpin() {}

                @Override
                public void close() {
                    leased -= bytes;
                    leases--;
                }
            };
        }

        @Override
        public long capacity(long bytes) {
            return maxBytes / bytes;
        }

        @Override
        public long leasedBytes() {
            return leased;
        }

        @Override
        public int leases() {
            return leases;
        }

        @Override
        public long reservedBytes() {
            return leased;
        }

        @Override
        public long maxBytes() {
            return maxBytes;
        }

        @Override
        public void close() {}
    }
}
