// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

final class ReceiveBufferTest {

    // A positive number leases so many bytes, another closes the open lease of that index.
    @Property(tries = 500)
    void leasesNeverOverlapAndAccountsAreExact(
            @ForAll @IntRange(min = 0, max = 400) int budget,
            @ForAll @IntRange(min = 1, max = 100) int slab,
            @ForAll @Size(max = 60) List<@IntRange(min = -20, max = 120) Integer> steps) {
        ReceiveBuffer buffer = new ReceiveBuffer(budget, slab, ByteBuffer::allocateDirect);
        List<Lease> open = new ArrayList<>();
        List<Byte> marks = new ArrayList<>();
        byte mark = 0;
        for (int step : steps) {
            if (step > 0) {
                Lease lease = buffer.tryLease(step);
                if (lease != null) {
                    assertThat(lease.bytes()).isEqualTo(step);
                    assertThat(lease.region().bytes()).isEqualTo(step);
                    open.add(lease);
                    marks.add(++mark);
                    fill(lease, mark);
                }
            } else if (-step < open.size()) {
                assertMarked(open.remove(-step), marks.remove(-step)).close();
            }
            long sum = open.stream().mapToLong(Lease::bytes).sum();
            assertThat(buffer.leasedBytes()).isEqualTo(sum);
            assertThat(buffer.leases()).isEqualTo(open.size());
            assertThat(buffer.reservedBytes()).isBetween(sum, (long) budget);
        }
        for (int i = 0; i < open.size(); i++) {
            assertMarked(open.get(i), marks.get(i)).close();
        }
        assertThat(buffer.leasedBytes()).isZero();
        buffer.close();
    }

    @Property(tries = 500)
    void everythingFreedIsOneRangeAgain(
            @ForAll @IntRange(min = 1, max = 300) int size,
            @ForAll @Size(max = 60) List<@IntRange(min = -20, max = 60) Integer> steps) {
        FreeRanges ranges = new FreeRanges(size);
        boolean[] taken = new boolean[size];
        List<long[]> open = new ArrayList<>();
        for (int step : steps) {
            if (step > 0) {
                long offset = ranges.take(step);
                assertThat(offset).isEqualTo(firstFit(taken, step));
                if (offset >= 0) {
                    mark(taken, offset, step, true);
                    open.add(new long[] {offset, step});
                }
            } else if (-step < open.size()) {
                long[] range = open.remove(-step);
                ranges.give(range[0], range[1]);
                mark(taken, range[0], range[1], false);
            }
        }
        for (long[] range : open) {
            ranges.give(range[0], range[1]);
        }
        assertThat(ranges.isWhole()).isTrue();
        assertThat(ranges.take(size)).isZero();
    }

    @Test
    void shouldRefuseToFreeWhatIsFree() {
        FreeRanges ranges = new FreeRanges(10);
        assertThat(ranges.take(4)).isZero();
        assertThatThrownBy(() -> ranges.give(2, 4))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("not taken: offset=2 bytes=4 free={4=6}");
        assertThatThrownBy(() -> ranges.give(8, 4)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> ranges.give(-1, 1)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void shouldMakeALargerSlabForALargeLease() {
        ReceiveBuffer buffer = new ReceiveBuffer(1000, 100, ByteBuffer::allocateDirect);
        try (Lease large = buffer.tryLease(700)) {
            assertThat(buffer.reservedBytes()).isEqualTo(700);
            try (Lease small = buffer.tryLease(1)) {
                assertThat(buffer.reservedBytes()).isEqualTo(800);
                assertThat(buffer.tryLease(201)).as("over the budget").isNull();
                try (Lease rest = buffer.tryLease(200)) {
                    assertThat(buffer.leasedBytes()).isEqualTo(901);
                }
            }
        }
        assertThat(buffer.reservedBytes()).as("idle slabs are kept").isEqualTo(1000);
        try (Lease whole = buffer.tryLease(1000)) {
            assertThat(whole.bytes()).as("where idle slabs were").isEqualTo(1000);
            assertThat(buffer.reservedBytes()).isEqualTo(1000);
        }
        buffer.close();
    }

    @Test
    void shouldRefuseWhatNeverFits() {
        ReceiveBuffer buffer = new ReceiveBuffer(10);
        assertThat(buffer.tryLease(11)).isNull();
        assertThat(buffer.tryLease(Long.MAX_VALUE)).isNull();
        assertThat(buffer.reservedBytes()).isZero();
        assertThat(new ReceiveBuffer(0).tryLease(1)).isNull();
        assertThatThrownBy(() -> buffer.tryLease(0)).hasMessage("bytes=0");
    }

    @Test
    void shouldSayNoWhenDirectMemoryIsUsedUp() {
        AtomicInteger left = new AtomicInteger(2);
        ReceiveBuffer buffer =
                new ReceiveBuffer(
                        100,
                        10,
                        bytes -> {
                            if (left.getAndDecrement() <= 0) {
                                throw new OutOfMemoryError("Cannot reserve direct memory");
                            }
                            return ByteBuffer.allocateDirect(bytes);
                        });
        List<Lease> leases = List.of(buffer.tryLease(10), buffer.tryLease(10));
        assertThat(buffer.tryLease(10)).isNull();
        assertThat(buffer.tryLease(10)).isNull();
        assertThat(buffer.reservedBytes()).isEqualTo(20);
        assertThat(buffer.capacity(10)).as("what is there").isEqualTo(2);
        assertThat(buffer.capacity(3)).isEqualTo(6);
        assertThat(buffer.capacity(11)).isZero();
        leases.forEach(Lease::close);
        assertThat(buffer.leasedBytes()).isZero();
        buffer.tryLease(10).close();
        buffer.close();
    }

    /** One lease that can't be had must not cost all the others. */
    @Test
    void shouldTrySmallerSlabsWhenALargeOneCannotBeHad() {
        long mib = 1 << 20;
        AtomicLong left = new AtomicLong(3 * mib);
        AtomicInteger refusals = new AtomicInteger();
        ReceiveBuffer buffer =
                new ReceiveBuffer(
                        1000 * mib,
                        64 * mib,
                        bytes -> {
                            if (bytes > left.get()) {
                                refusals.incrementAndGet();
                                throw new OutOfMemoryError("Cannot reserve direct memory");
                            }
                            left.addAndGet(-bytes);
                            return ByteBuffer.allocateDirect(bytes);
                        });
        assertThat(buffer.capacity(500 * mib)).as("as planned").isEqualTo(2);
        assertThat(buffer.tryLease(500 * mib)).isNull();
        assertThat(buffer.capacity(500 * mib)).isZero();
        assertThat(buffer.capacity(63 * mib)).isZero();
        assertThat(buffer.capacity(mib)).isPositive();
        List<Lease> leases = new ArrayList<>();
        for (Lease lease = buffer.tryLease(mib); lease != null; lease = buffer.tryLease(mib)) {
            leases.add(lease);
        }
        assertThat(leases).as("all that there is").hasSize(3);
        assertThat(buffer.capacity(mib)).isEqualTo(3);
        assertThat(refusals.get()).as("each costs a full collection").isLessThan(6);
        leases.forEach(Lease::close);
        buffer.close();
    }

    @Test
    void shouldThrowWhenClosedTwice() {
        ReceiveBuffer buffer = new ReceiveBuffer(10);
        Lease lease = buffer.tryLease(10);
        lease.close();
        assertThatThrownBy(lease::close)
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("released twice: Lease[offset=0 bytes=10]");
        assertThat(buffer.leasedBytes()).isZero();
    }

    @Test
    void shouldReportOpenLeasesOnce() {
        ReceiveBuffer buffer = new ReceiveBuffer(10);
        Lease lease = buffer.tryLease(7);
        assertThatThrownBy(buffer::close)
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("receive buffer closed with open leases: leases=1 bytes=7");
        buffer.close();
        assertThat(buffer.tryLease(1)).isNull();
        fill(lease, (byte) 1);
        lease.close();
        assertThat(buffer.leases()).isZero();
    }

    @Test
    void shouldKeepAccountsAcrossThreads() throws InterruptedException {
        ReceiveBuffer buffer = new ReceiveBuffer(1 << 16, 1 << 12, ByteBuffer::allocateDirect);
        CountDownLatch done = new CountDownLatch(4);
        for (int t = 0; t < 4; t++) {
            int seed = t;
            new Thread(
                            () -> {
                                for (int i = 0; i < 5000; i++) {
                                    try (Lease lease =
                                            buffer.tryLease(1 + (i * 31 + seed) % 3000)) {
                                        if (lease != null) {
                                            fill(lease, (byte) seed);
                                            assertMarked(lease, (byte) seed);
                                        }
                                    }
                                }
                                done.countDown();
                            })
                    .start();
        }
        assertThat(done.await(30, TimeUnit.SECONDS)).isTrue();
        assertThat(buffer.leasedBytes()).isZero();
        buffer.close();
    }

    private static void fill(Lease lease, byte mark) {
        ByteBuffer bytes = lease.region().buffer();
        while (bytes.hasRemaining()) {
            bytes.put(mark);
        }
    }

    private static Lease assertMarked(Lease lease, byte mark) {
        ByteBuffer bytes = lease.region().buffer();
        while (bytes.hasRemaining()) {
            if (bytes.get() != mark) {
                throw new AssertionError("another lease wrote at " + bytes.position());
            }
        }
        return lease;
    }

    private static long firstFit(boolean[] taken, int bytes) {
        for (int from = 0; from + bytes <= taken.length; from++) {
            boolean fits = true;
            for (int i = from; i < from + bytes; i++) {
                fits &= !taken[i];
            }
            if (fits) {
                return from;
            }
        }
        return -1;
    }

    private static void mark(boolean[] taken, long offset, long bytes, boolean value) {
        for (long i = offset; i < offset + bytes; i++) {
            taken[(int) i] = value;
        }
    }

    @Test
    void shouldMakeRoomForALargeLeaseWhereEmptySlabsWere() {
        ReceiveBuffer buffer = new ReceiveBuffer(256, 64, java.nio.ByteBuffer::allocateDirect);
        java.util.List<Lease> small = new java.util.ArrayList<>();
        for (int i = 0; i < 4; i++) {
            small.add(buffer.tryLease(60));
        }
        small.forEach(Lease::close);
        Lease large = buffer.tryLease(200);
        assertThat(large).isNotNull();
        assertThat(buffer.reservedBytes()).isLessThanOrEqualTo(256);
        large.close();
        buffer.close();
    }

    @org.junit.jupiter.params.ParameterizedTest
    @org.junit.jupiter.params.provider.ValueSource(longs = {1, 30, 40, 64, 65, 128, 129, 256, 257})
    void shouldHoldExactlyAsManyLeasesAsItsCapacitySays(long bytes) {
        ReceiveBuffer buffer = new ReceiveBuffer(256, 64, java.nio.ByteBuffer::allocateDirect);
        java.util.List<Lease> leases = new java.util.ArrayList<>();
        for (Lease lease; (lease = buffer.tryLease(bytes)) != null; ) {
            leases.add(lease);
        }
        assertThat(leases).hasSize((int) buffer.capacity(bytes));
        leases.forEach(Lease::close);
        buffer.close();
    }
}
