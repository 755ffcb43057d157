// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.pool;

import io.kvlink.pool.BuddyHostPoolProvider;
import io.kvlink.spi.HostLease;
import io.kvlink.spi.HostPool;
import io.kvlink.spi.HostPoolConfig;
import io.kvlink.spi.MemoryKind;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Threads;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.infra.Blackhole;

/**
 * One allocation and its release, of direct memory: this pool against Netty's. A sample includes
 * the clock's own cost, which {@link #clockOnly} shows.
 *
 * <p>Netty runs twice. As it comes, a thread that isn't Netty's has no cache. The other time each
 * thread has a cache, which serves up to 32 KiB without a lock.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
        value = 1,
        jvmArgsAppend = {
            "-Xms512m",
            "-Xmx512m",
            "-XX:MaxDirectMemorySize=1g",
            "-Dio.netty.leakDetection.level=disabled"
        })
@SuppressWarnings("UnusedVariable") // Held is set up by being a parameter.
public class AllocatorBenchmark {

    private static final long POOL_BYTES = 256L << 20;
    // Odd: a multiple of a Netty chunk would make each allocation map a chunk.
    private static final int HELD = 33;

    /** The size of an allocation. */
    @Param({"4096", "65536", "1048576"})
    public int bytes;

    private final HostPool pool =
            new BuddyHostPoolProvider().create(HostPoolConfig.of(POOL_BYTES, MemoryKind.DIRECT));
    private final PooledByteBufAllocator netty = netty(false);
    private final PooledByteBufAllocator nettyCached = netty(true);

    private static PooledByteBufAllocator netty(boolean cacheForAllThreads) {
        return new PooledByteBufAllocator(
                true,
                PooledByteBufAllocator.defaultNumHeapArena(),
                PooledByteBufAllocator.defaultNumDirectArena(),
                PooledByteBufAllocator.defaultPageSize(),
                PooledByteBufAllocator.defaultMaxOrder(),
                PooledByteBufAllocator.defaultSmallCacheSize(),
                PooledByteBufAllocator.defaultNormalCacheSize(),
                cacheForAllThreads);
    }

    /** Blocks that stay, so that no allocator, and no arena of a thread, is measured empty. */
    @State(Scope.Thread)
    public static class Held {

        private final List<HostLease> leases = new ArrayList<>();
        private final List<ByteBuf> buffers = new ArrayList<>();

        /** Takes them, on the thread that measures. */
        @Setup(Level.Trial)
        public void take(AllocatorBenchmark benchmark) {
            for (int i = 0; i < HELD; i++) {
                leases.add(benchmark.lease());
                buffers.add(benchmark.netty.directBuffer(benchmark.bytes, benchmark.bytes));
                buffers.add(benchmark.nettyCached.directBuffer(benchmark.bytes, benchmark.bytes));
            }
        }

        /** Gives them back; the last thread closes the pool. */
        @TearDown(Level.Trial)
        public void giveBack(AllocatorBenchmark benchmark) {
            leases.forEach(HostLease::close);
            buffers.forEach(ByteBuf::release);
            if (benchmark.pool.leases() == 0) {
                benchmark.pool.close();
            }
        }
    }

    private HostLease lease() {
        HostLease lease = pool.tryLease(bytes, "benchmark");
        if (lease == null) {
            throw new IllegalStateException("no room: " + pool);
        }
        return lease;
    }

    /** Cost of a sample without any work. */
    @Benchmark
    public void clockOnly() {}

    /** KvLink's pool. */
    @Benchmark
    public void kvlink(Held held, Blackhole sink) {
        try (HostLease lease = lease()) {
            sink.consume(lease.region());
        }
    }

    /** KvLink's pool, with two threads. */
    @Benchmark
    @Threads(2)
    public void kvlinkTwoThreads(Held held, Blackhole sink) {
        kvlink(held, sink);
    }

    /** Netty as it comes. */
    @Benchmark
    public void netty(Held held, Blackhole sink) {
        use(netty, sink);
    }

    /** Netty as it comes, with two threads. */
    @Benchmark
    @Threads(2)
    public void nettyTwoThreads(Held held, Blackhole sink) {
        use(netty, sink);
    }

    /** Netty with a cache for each thread. */
    @Benchmark
    public void nettyCached(Held held, Blackhole sink) {
        use(nettyCached, sink);
    }

    /** Netty with a cache for each thread, with two threads. */
    @Benchmark
    @Threads(2)
    public void nettyCachedTwoThreads(Held held, Blackhole sink) {
        use(nettyCached, sink);
    }

    private void use(PooledByteBufAllocator allocator, Blackhole sink) {
        ByteBuf buffer = allocator.directBuffer(bytes, bytes);
        sink.consume(buffer);
        buffer.release();
    }
}
