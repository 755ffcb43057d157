// SPDX-License-Identifier: Apache-2.0
package io.kvlink.pool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.spi.HostLease;
import io.kvlink.spi.HostPool;
import io.kvlink.spi.HostPoolConfig;
import io.kvlink.spi.MemoryKind;
import io.kvlink.spi.PageLocker;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;

class BuddyHostPoolPinnedTest {

    private static final int MIB = 1 << 20;

    private static HostPool pool(long maxBytes, PageLocker locker) {
        return new BuddyHostPoolProvider().create(HostPoolConfig.pinned(maxBytes, locker));
    }

    @Test
    void shouldLockEachArenaOnceAndUnlockItOnce() {
        FakePageLocker locker = new FakePageLocker(Integer.MAX_VALUE);
        HostPool pool = pool(3 * MIB, locker);
        assertThat(locker.locks()).isZero();

        HostLease first = pool.tryLease(MIB, "a");
        HostLease second = pool.tryLease(MIB, "b");
        HostLease third = pool.tryLease(MIB, "c");
        assertThat(locker.locked()).hasSize(2).containsValues(MIB, 2 * MIB);
        assertThat(first.region().kind()).isEqualTo(MemoryKind.PINNED);
        assertThat(first.region().address()).isEqualTo(0x1000);
        assertThat(third.region().address()).isEqualTo(second.region().address() + MIB);

        first.close();
        second.close();
        third.close();
        assertThat(locker.locked()).hasSize(2);
        pool.close();
        pool.close();
        assertThat(locker.locked()).isEmpty();
        assertThat(locker.locks()).isEqualTo(2);
    }

    @Test
    void shouldLockWholePagesOfItsOwn() {
        FakePageLocker fake = new FakePageLocker(Integer.MAX_VALUE);
        PageLocker locker =
                new PageLocker() {
                    @Override
                    public long lock(ByteBuffer memory) {
                        assertThat(memory.alignmentOffset(0, 4096)).isZero();
                        return fake.lock(memory);
                    }

                    @Override
                    public void unlock(long address) {
                        fake.unlock(address);
                    }
                };
        HostPool pool = pool(3 * MIB, locker);
        for (int i = 0; i < 3; i++) {
            assertThat(pool.tryLease(MIB, "a")).isNotNull();
        }
        assertThat(fake.locks()).isEqualTo(2);
    }

    @Test
    void shouldKeepWhatItHasWhenTheLockerThrowsMidway() {
        FakePageLocker locker = new FakePageLocker(1);
        HostPool pool = pool(3 * MIB, locker);
        HostLease first = pool.tryLease(MIB, "a");
        assertThat(first).isNotNull();
        assertThat(pool.tryLease(MIB, "b")).isNull();
        assertThat(pool.tryLease(MIB, "b")).isNull();
        assertThat(locker.calls()).as("a refusal is final").isEqualTo(2);
        assertThat(pool.reservedBytes()).isEqualTo(MIB);
        assertThat(pool.leases()).isEqualTo(1);
        assertThat(pool.capacity(MIB)).as("what is locked").isEqualTo(1);
        assertThat(pool.capacity(2 * MIB)).isZero();

        first.close();
        HostLease again = pool.tryLease(MIB, "b");
        assertThat(again).isNotNull();
        again.close();
        pool.close();
        assertThat(locker.locked()).isEmpty();
    }

    @Test
    void shouldUnlockAnArenaWithTheLastLeaseOfAClosedPool() {
        FakePageLocker locker = new FakePageLocker(Integer.MAX_VALUE);
        HostPool pool = pool(3 * MIB, locker);
        HostLease small = pool.tryLease(MIB, "a");
        HostLease large = pool.tryLease(2 * MIB, "b");
        large.close();
        HostLease left = pool.tryLease(512, "c");
        HostLease right = pool.tryLease(512, "d");
        small.close();

        assertThatThrownBy(pool::close).hasMessageContaining("leases=2 bytes=1024");
        assertThat(locker.locked()).hasSize(1).containsValue(2 * MIB);
        assertThat(pool.reservedBytes()).isEqualTo(2 * MIB);
        left.close();
        assertThat(locker.locked()).hasSize(1);
        right.close();
        assertThat(locker.locked()).isEmpty();
        assertThat(pool.reservedBytes()).isZero();
    }

    @Test
    void shouldUnlockAllWhenOneUnlockThrows() {
        FakePageLocker locker = new FakePageLocker(Integer.MAX_VALUE);
        PageLocker throwing =
                new PageLocker() {
                    @Override
                    public long lock(ByteBuffer memory) {
                        return locker.lock(memory);
                    }

                    @Override
                    public void unlock(long address) {
                        locker.unlock(address);
                        throw new IllegalStateException("unlock address=" + address);
                    }
                };
        HostPool pool = pool(3 * MIB, throwing);
        HostLease small = pool.tryLease(MIB, "a");
        HostLease large = pool.tryLease(2 * MIB, "b");
        small.close();
        large.close();
        assertThatThrownBy(pool::close)
                .hasMessageStartingWith("unlock address=")
                .satisfies(thrown -> assertThat(thrown.getSuppressed()).hasSize(1));
        assertThat(locker.locked()).isEmpty();
    }

    @Test
    void shouldReleaseAnArenaThatOpenedWhileThePoolClosed() {
        FakePageLocker locker = new FakePageLocker(Integer.MAX_VALUE);
        HostPool[] pool = new HostPool[1];
        PageLocker closing =
                new PageLocker() {
                    @Override
                    public long lock(ByteBuffer memory) {
                        pool[0].close();
                        return locker.lock(memory);
                    }

                    @Override
                    public void unlock(long address) {
                        locker.unlock(address);
                    }
                };
        pool[0] = pool(3 * MIB, closing);
        assertThatThrownBy(() -> pool[0].tryLease(1, "late"))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("leased from a closed pool: owner=late");
        assertThat(locker.locks()).isEqualTo(1);
        assertThat(locker.locked()).isEmpty();
    }
}
