// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.p2p.internal.cuda.FakeCuda;
import io.kvlink.p2p.internal.cuda.FakeProcess;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.MemoryRegion;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

final class DeviceArenaTest {

    private final FakeProcess process = new FakeCuda(1, 1).newProcess();

    private DeviceArena arena(long bytes) {
        return new DeviceArena(process.open(0), bytes);
    }

    @Property(tries = 200)
    void capacityIsWhatCanBeLeased(
            @ForAll @IntRange(min = 1, max = 5000) int size,
            @ForAll @IntRange(min = 1, max = 1200) int bytes) {
        try (DeviceArena arena = arena(size)) {
            List<Lease> leases = new ArrayList<>();
            for (Lease lease = arena.tryLease(bytes);
                    lease != null;
                    lease = arena.tryLease(bytes)) {
                leases.add(lease);
            }
            assertThat(leases).hasSize((int) arena.capacity(bytes));
            leases.forEach(Lease::close);
        }
    }

    @Property(tries = 100)
    void leasesNeverOverlapAndAreCountedToTheByte(@ForAll long seed) {
        Random random = new Random(seed);
        try (DeviceArena arena = arena(20_000)) {
            List<Lease> leases = new ArrayList<>();
            for (int i = 0; i < 100; i++) {
                if (random.nextInt(3) == 0 && !leases.isEmpty()) {
                    leases.remove(random.nextInt(leases.size())).close();
                }
                Lease lease = arena.tryLease(1 + random.nextInt(3000));
                if (lease != null) {
                    check(arena.region(), lease.region(), leases);
                    leases.add(lease);
                }
                assertThat(arena.leasedBytes())
                        .isEqualTo(leases.stream().mapToLong(Lease::bytes).sum());
                assertThat(arena.leases()).isEqualTo(leases.size());
            }
            leases.forEach(Lease::close);
            assertThat(arena.leasedBytes()).isZero();
        }
    }

    private static void check(MemoryRegion all, MemoryRegion part, List<Lease> others) {
        assertThat((part.address() - all.address()) % 16).isZero();
        assertThat(part.address() + part.bytes()).isLessThanOrEqualTo(all.address() + all.bytes());
        for (Lease other : others) {
            MemoryRegion taken = other.region();
            assertThat(
                            part.address() + part.bytes() <= taken.address()
                                    || taken.address() + taken.bytes() <= part.address())
                    .isTrue();
        }
    }

    @Test
    void shouldNameTheSettingIfTheDeviceIsFull() {
        assertThatThrownBy(() -> arena(2_000_000_000L))
                .isInstanceOf(KvConnectorException.class)
                .hasMessage(
                        "BAD_CONFIG(1): kv_buffer_size=2000000000 device=0 freeBytes=1073741824; lower it, or leave the engine less memory")
                .extracting(cause -> ((KvConnectorException) cause).error())
                .isEqualTo(KvError.BAD_CONFIG);
    }

    @Test
    void shouldFreeItsMemoryUnlessLeasesAreOpen() {
        DeviceArena arena = arena(1000);
        Lease lease = arena.tryLease(10);
        assertThatThrownBy(arena::close).hasMessageContaining("leases=1 bytes=10");
        assertThat(process.allocations()).isEqualTo(1);
        assertThat(lease).isNotNull();
        lease.close();
        assertThatThrownBy(lease::close).hasMessageStartingWith("released twice");
        arena(1000).close();
        assertThat(process.allocations()).isEqualTo(1);
    }
}
