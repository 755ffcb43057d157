// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.wire.node;

import io.kvlink.spi.KvLayout.Run;
import io.kvlink.spi.MemoryRegion;
import java.nio.ByteOrder;
import java.nio.LongBuffer;

/** The pattern in host memory, written and compared at once. */
final class HostPattern implements Pattern {

    private long differences;

    @Override
    public void fill(MemoryRegion region, Run run, long seed, long position) {
        LongBuffer words = words(region, run);
        long first = position / Long.BYTES;
        for (int i = 0; i < words.capacity(); i++) {
            words.put(i, Pattern.word(seed, first + i));
        }
    }

    @Override
    public void compare(MemoryRegion region, Run run, long seed, long position) {
        LongBuffer words = words(region, run);
        long first = position / Long.BYTES;
        for (int i = 0; i < words.capacity(); i++) {
            if (words.get(i) != Pattern.word(seed, first + i)) {
                differences++;
            }
        }
    }

    private static LongBuffer words(MemoryRegion region, Run run) {
        return region.buffer()
                .slice(Math.toIntExact(run.offset()), Math.toIntExact(run.bytes()))
                .order(ByteOrder.LITTLE_ENDIAN)
                .asLongBuffer();
    }

    @Override
    public long differences() {
        long seen = differences;
        differences = 0;
        return seen;
    }

    @Override
    public void settle() {}

    @Override
    public void close() {}
}
