// SPDX-License-Identifier: Apache-2.0
package io.kvlink.pool;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.spi.HostLease;
import io.kvlink.spi.HostPool;
import io.kvlink.spi.HostPoolConfig;
import io.kvlink.spi.MemoryKind;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class BuddyHostPoolContentionTest {

    private static final int THREADS = 4;
    private static final int HELD_PER_THREAD = 16;
    private static final long SEED = 20_261_122;

    /** Small enough to be full at times: some leases are refused. */
    private static final long POOL_BYTES = 100 * 1024;

    @Test
    @Timeout(60)
    void shouldGiveEachByteToOneOwnerAtATime() throws Exception {
        contend(20_000, 4000);
    }

    /** Little work between the calls, so that they meet. */
    @Test
    @Timeout(60)
    void shouldCountExactlyWhenCallsMeet() throws Exception {
        contend(300_000, 8);
    }

    private static void contend(int leasesPerThread, int maxLease) throws Exception {
        HostPool pool =
                new BuddyHostPoolProvider()
                        .create(HostPoolConfig.of(POOL_BYTES, MemoryKind.DIRECT));
        ExecutorService threads = Executors.newFixedThreadPool(THREADS);
        try {
            List<Future<Integer>> runs = new ArrayList<>();
            for (int thread = 0; thread < THREADS; thread++) {
                byte mark = (byte) (thread + 1);
                runs.add(
                        threads.submit(
                                () -> leaseFillVerify(pool, mark, leasesPerThread, maxLease)));
            }
            int leased = 0;
            for (Future<Integer> run : runs) {
                leased += run.get(50, TimeUnit.SECONDS);
            }
            assertThat(leased).isBetween(THREADS, THREADS * leasesPerThread);
        } finally {
            threads.shutdownNow();
        }
        assertThat(pool.leases()).isZero();
        assertThat(pool.leasedBytes()).isZero();
        HostLease largest = pool.tryLease(64 * 1024, "all of the largest arena");
        assertThat(largest).as("everything merged again").isNotNull();
        largest.close();
        pool.close();
    }

    @Test
    @Timeout(60)
    void shouldServeOthersWhileAnArenaOpens() throws Exception {
        HostPoolConfig config = HostPoolConfig.of(3 << 20, MemoryKind.HEAP);
        CountDownLatch opening = new CountDownLatch(1);
        CountDownLatch mayOpen = new CountDownLatch(1);
        ArenaMemory.Source slowSource =
                bytes -> {
                    if (bytes == 2 << 20) {
                        opening.countDown();
                        await(mayOpen);
                    }
                    return HostMemory.source(config).take(bytes);
                };
        BuddyHostPool pool = new BuddyHostPool(config, slowSource, false);
        CompletableFuture<HostLease> slow =
                CompletableFuture.supplyAsync(() -> pool.tryLease(2 << 20, "slow"));
        await(opening);
        HostLease quick = pool.tryLease(1 << 20, "quick");
        assertThat(quick).isNotNull();
        assertThat(pool.tryLease(1, "refused, not kept waiting")).isNull();
        assertThat(pool.reservedBytes()).isEqualTo(1 << 20);
        mayOpen.countDown();
        slow.get(50, TimeUnit.SECONDS).close();
        assertThat(pool.reservedBytes()).isEqualTo(3 << 20);
        quick.close();
        pool.close();
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(50, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException cause) {
            throw new AssertionError(cause);
        }
    }

    private static int leaseFillVerify(HostPool pool, byte mark, int leases, int maxLease) {
        Random random = new Random(SEED + mark);
        ArrayDeque<HostLease> held = new ArrayDeque<>();
        int leased = 0;
        for (int i = 0; i < leases; i++) {
            HostLease lease = pool.tryLease(1 + random.nextInt(maxLease), "thread-" + mark);
            if (lease != null) {
                leased++;
                fill(lease.region().buffer(), mark);
                held.add(lease);
            }
            if (held.size() == HELD_PER_THREAD || (lease == null && !held.isEmpty())) {
                verifyAndClose(held.remove(), mark);
            }
        }
        held.forEach(lease -> verifyAndClose(lease, mark));
        return leased;
    }

    private static void fill(ByteBuffer bytes, byte mark) {
        while (bytes.hasRemaining()) {
            bytes.put(mark);
        }
    }

    private static void verifyAndClose(HostLease lease, byte mark) {
        ByteBuffer bytes = lease.region().buffer();
        while (bytes.hasRemaining()) {
            byte seen = bytes.get();
            if (seen != mark) {
                throw new AssertionError(
                        "seed=%d seen=%d mark=%d in %s".formatted(SEED, seen, mark, lease));
            }
        }
        lease.close();
    }
}
