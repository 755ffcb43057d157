// SPDX-License-Identifier: Apache-2.0
package io.kvlink.pool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.spi.HostLease;
import io.kvlink.spi.HostPool;
import io.kvlink.spi.HostPoolConfig;
import io.kvlink.spi.HostPoolProvider;
import io.kvlink.spi.KvConnectors;
import io.kvlink.spi.MemoryKind;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class BuddyHostPoolTest {

    private static final int MIB = 1 << 20;

    private static HostPoolConfig config(long maxBytes) {
        return HostPoolConfig.of(maxBytes, MemoryKind.HEAP);
    }

    private static BuddyHostPool pool(long maxBytes) {
        return pool(maxBytes, false);
    }

    private static BuddyHostPool pool(long maxBytes, boolean track) {
        return new BuddyHostPool(config(maxBytes), HostMemory.source(config(maxBytes)), track);
    }

    @Test
    void shouldBeFoundByTheServiceLoader() {
        HostPoolProvider provider =
                KvConnectors.load(getClass().getClassLoader()).hostPool().orElseThrow();
        assertThat(provider.name()).isEqualTo("buddy");
        try (HostPool pool = provider.create(config(MIB))) {
            assertThat(pool.maxBytes()).isEqualTo(MIB);
            assertThat(pool.reservedBytes()).isZero();
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"HEAP", "DIRECT"})
    void shouldLeaseExactlyTheBytesAskedFor(MemoryKind kind) {
        HostPoolConfig config = HostPoolConfig.of(MIB, kind);
        try (HostPool pool = new BuddyHostPoolProvider().create(config);
                HostLease lease = pool.tryLease(1025, "a")) {
            assertThat(lease.region().kind()).isEqualTo(kind);
            assertThat(lease.region().bytes()).isEqualTo(1025);
            assertThat(lease.region().buffer().remaining()).isEqualTo(1025);
            assertThat(pool.leasedBytes()).isEqualTo(1025);
            assertThat(pool.leases()).isEqualTo(1);
            assertThat(pool.reservedBytes()).isEqualTo(MIB);
        }
    }

    @Test
    void shouldRefuseNoBytes() {
        try (HostPool pool = pool(MIB)) {
            assertThatThrownBy(() -> pool.tryLease(0, "a"))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("bytes=0 owner=a");
        }
    }

    @Test
    void shouldSayNoToWhatCanNeverFit() {
        try (HostPool pool = pool(3 * MIB)) {
            assertThat(pool.tryLease(2 * MIB + 1, "a")).isNull();
            assertThat(pool.tryLease(Long.MAX_VALUE, "a")).isNull();
            assertThat(pool.reservedBytes()).isZero();
            HostLease largest = pool.tryLease(2 * MIB, "a");
            assertThat(largest).isNotNull();
            largest.close();
        }
    }

    @Test
    void shouldUseTheWholeLimit() {
        BuddyHostPool pool = pool(3 * MIB + 511);
        List<HostLease> leases = new ArrayList<>();
        for (HostLease lease = pool.tryLease(512, "a");
                lease != null;
                lease = pool.tryLease(512, "a")) {
            leases.add(lease);
        }
        assertThat(leases).hasSize(3 * MIB / 512);
        assertThat(pool.leasedBytes()).isEqualTo(3 * MIB);
        assertThat(pool.snapshot().arenas()).isEqualTo(2);
        leases.forEach(HostLease::close);
        pool.close();
    }

    @Property(tries = 200)
    void growthNeverExceedsTheLimitAndTheSumIsExact(
            @ForAll @LongRange(min = 0, max = 300_000) long maxBytes,
            @ForAll @Size(max = 100) List<@IntRange(min = -100, max = 40_000) Integer> steps) {
        BuddyHostPool pool = pool(maxBytes);
        List<HostLease> live = new ArrayList<>();
        long peak = 0;
        for (int step : steps) {
            if (step > 0) {
                HostLease lease = pool.tryLease(step, "owner");
                if (lease != null) {
                    live.add(lease);
                }
            } else if (!live.isEmpty()) {
                live.remove(-step % live.size()).close();
            }
            long sum = live.stream().mapToLong(lease -> lease.region().bytes()).sum();
            peak = Math.max(peak, sum);
            PoolSnapshot now = pool.snapshot();
            assertThat(now.leasedBytes()).isEqualTo(sum);
            assertThat(now.leases()).isEqualTo(live.size());
            assertThat(now.peakLeasedBytes()).isEqualTo(peak);
            assertThat(now.blockBytes()).isBetween(sum, now.reservedBytes());
            assertThat(now.reservedBytes()).isLessThanOrEqualTo(maxBytes);
        }
        live.forEach(HostLease::close);
        assertThat(pool.leasedBytes()).isZero();
        pool.close();
        assertThat(pool.reservedBytes()).isZero();
    }

    @Test
    void shouldRefuseReleaseWhilePinned() {
        HostPool pool = pool(MIB);
        HostLease lease = pool.tryLease(1000, "transfer-7");
        lease.pin();
        lease.pin();
        assertThatThrownBy(lease::close)
                .isInstanceOf(IllegalStateException.class)
                .hasMessage(
                        "released with 2 operations in flight:"
                                + " lease[owner=transfer-7 bytes=1000 offset=0]");
        lease.unpin();
        lease.unpin();
        lease.close();
        assertThat(pool.leases()).isZero();
        pool.close();
    }

    @Test
    void shouldRefuseUseAfterRelease() {
        HostPool pool = pool(MIB);
        HostLease lease = pool.tryLease(1000, "a");
        lease.close();
        String words = ": lease[owner=a bytes=1000 offset=0]";
        assertThatThrownBy(lease::close)
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("released twice" + words);
        assertThatThrownBy(lease::pin).hasMessage("pinned after release" + words);
        assertThatThrownBy(lease::unpin).hasMessage("unpinned without a pin" + words);
        assertThatThrownBy(lease::region).hasMessage("used after release" + words);
        assertThat(pool.leases()).isZero();
        pool.close();
    }

    @Test
    void shouldRefuseAnUnpinWithoutAPin() {
        HostPool pool = pool(MIB);
        HostLease lease = pool.tryLease(1000, "a");
        assertThatThrownBy(lease::unpin)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageStartingWith("unpinned without a pin: lease[owner=a");
        lease.close();
        pool.close();
    }

    @Test
    void shouldNameLeakedLeasesByOwner() {
        HostPool pool = pool(MIB);
        HostLease first = pool.tryLease(1000, "transfer-2");
        HostLease second = pool.tryLease(2000, "transfer-1");
        HostLease third = pool.tryLease(3000, "transfer-2");
        assertThatThrownBy(pool::close)
                .isInstanceOf(IllegalStateException.class)
                .hasMessage(
                        """
                        pool closed with open leases: leases=3 bytes=6000; run with \
                        -Dkvlink.pool.track=true to see where they were taken
                          owner=transfer-1 leases=1 bytes=2000
                            lease[owner=transfer-1 bytes=2000 offset=2048]
                          owner=transfer-2 leases=2 bytes=4000
                            lease[owner=transfer-2 bytes=1000 offset=0]
                            lease[owner=transfer-2 bytes=3000 offset=4096]""");
        pool.close();
        first.region().buffer().put(0, (byte) 1);
        first.close();
        second.close();
        third.close();
        assertThat(pool.reservedBytes()).isZero();
        assertThat(pool.leases()).isZero();
    }

    @Test
    void shouldNameTheBirthSiteWhenTracking() {
        HostPool pool = pool(MIB, true);
        HostLease lease = leaseHere(pool);
        assertThatThrownBy(pool::close)
                .hasMessageContaining("leases=1 bytes=77; close them where they were taken")
                .hasMessageContaining(
                        "lease[owner=a bytes=77 offset=0]\n"
                                + "      at io.kvlink.pool.BuddyHostPoolTest.leaseHere(")
                .hasMessageContaining("shouldNameTheBirthSiteWhenTracking(BuddyHostPoolTest.java:");
        lease.close();
    }

    private static HostLease leaseHere(HostPool pool) {
        return pool.tryLease(77, "a");
    }

    @Test
    void shouldReadTheTrackingPropertyAtCreation() {
        System.setProperty(BuddyHostPoolProvider.TRACK_PROPERTY, "true");
        HostPool tracking;
        try {
            tracking = new BuddyHostPoolProvider().create(config(MIB));
        } finally {
            System.clearProperty(BuddyHostPoolProvider.TRACK_PROPERTY);
        }
        HostLease lease = tracking.tryLease(77, "a");
        assertThatThrownBy(tracking::close)
                .hasMessageContaining("at io.kvlink.pool.BuddyHostPoolTest.");
        lease.close();
    }

    @Test
    void shouldRefuseLeasesOnceClosed() {
        HostPool pool = pool(MIB);
        pool.close();
        pool.close();
        assertThatThrownBy(() -> pool.tryLease(1, "late"))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageStartingWith("leased from a closed pool: pool[kind=HEAP ");
    }

    @Test
    void shouldTakeMissingMemoryForNoRoom() {
        AtomicInteger asked = new AtomicInteger();
        ArenaMemory.Source source =
                bytes -> {
                    asked.incrementAndGet();
                    if (bytes > MIB) {
                        throw new OutOfMemoryError("Cannot reserve direct buffer memory");
                    }
                    return HostMemory.source(config(MIB)).take(bytes);
                };
        try (BuddyHostPool pool = new BuddyHostPool(config(7 * MIB), source, false)) {
            assertThat(pool.tryLease(2 * MIB, "a")).isNull();
            assertThat(pool.tryLease(2 * MIB, "a")).isNull();
            assertThat(asked).as("a refusal is final").hasValue(1);
            HostLease small = pool.tryLease(MIB, "a");
            assertThat(small).as("smaller arenas are still tried").isNotNull();
            small.close();
            assertThat(pool.capacity(2 * MIB)).isZero();
            assertThat(pool.capacity(MIB)).isEqualTo(1);
            assertThat(pool.snapshot().refusals()).isEqualTo(2);
            assertThat(pool.reservedBytes()).isEqualTo(MIB);
        }
    }

    @Test
    void shouldKeepPeaks() {
        BuddyHostPool pool = pool(MIB);
        HostLease first = pool.tryLease(1000, "a");
        HostLease second = pool.tryLease(1025, "a");
        first.close();
        second.close();
        assertThat(pool.snapshot())
                .isEqualTo(new PoolSnapshot(MIB, MIB, MIB, 1, 0, 0, 0, 2025, 3072, 0));
        assertThat(pool)
                .hasToString(
                        "pool[kind=HEAP leases=0 leased=0 peak=2025 highWater=3072 reserved=1048576"
                                + " max=1048576 largestLease=1048576 refusals=0]");
        pool.close();
    }

    @Test
    void shouldNotMoveBytesOfNeighbours() {
        try (HostPool pool = pool(MIB);
                HostLease left = pool.tryLease(513, "a");
                HostLease right = pool.tryLease(700, "b")) {
            fill(left.region().buffer(), (byte) 1);
            fill(right.region().buffer(), (byte) 2);
            assertThat(left.region().buffer().get(512)).isEqualTo((byte) 1);
            assertThat(right.region().buffer().get(0)).isEqualTo((byte) 2);
        }
    }

    private static void fill(ByteBuffer bytes, byte value) {
        while (bytes.hasRemaining()) {
            bytes.put(value);
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 511, 512, 513, 4096, 70_000, 1 << 20, (1 << 20) + 1, 3 << 20})
    void shouldHoldExactlyAsManyLeasesAsItsCapacitySays(long bytes) {
        HostPoolConfig config = HostPoolConfig.of(3L << 20, MemoryKind.HEAP);
        HostPool pool = new BuddyHostPoolProvider().create(config);
        List<HostLease> leases = new ArrayList<>();
        for (HostLease lease; (lease = pool.tryLease(bytes, "all")) != null; ) {
            leases.add(lease);
        }
        assertThat(leases).hasSize((int) pool.capacity(bytes));
        leases.forEach(HostLease::close);
        assertThat(pool.capacity(bytes)).isEqualTo(leases.size());
        pool.close();
    }
}
