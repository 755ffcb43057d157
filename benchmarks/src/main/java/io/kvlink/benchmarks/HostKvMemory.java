// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks;

import io.kvlink.spi.KvDevice;
import io.kvlink.spi.MemoryRegion;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.LongBuffer;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** KV memory in direct buffers, one a layer. */
final class HostKvMemory implements KvMemory {

    private final List<ByteBuffer> buffers;
    private final List<MemoryRegion> layers;
    private long differences;

    HostKvMemory(int layers, long regionBytes) {
        int bytes = Math.toIntExact(regionBytes);
        buffers = Stream.generate(() -> ByteBuffer.allocateDirect(bytes)).limit(layers).toList();
        this.layers = buffers.stream().map(MemoryRegion::ofBuffer).toList();
    }

    /** The first bytes of each layer. */
    ByteBuffer[] prefixes(int bytes) {
        return buffers.stream().map(layer -> layer.slice(0, bytes)).toArray(ByteBuffer[]::new);
    }

    @Override
    public List<MemoryRegion> layers() {
        return layers;
    }

    @Override
    public Optional<KvDevice> device() {
        return Optional.empty();
    }

    @Override
    public void fill(int layer, long offset, long bytes, long seed, long position) {
        LongBuffer words = words(layer, offset, bytes);
        long first = position / Long.BYTES;
        for (int i = 0; i < words.capacity(); i++) {
            words.put(i, KvPattern.word(seed, first + i));
        }
    }

    @Override
    public void compare(int layer, long offset, long bytes, long seed, long position) {
        LongBuffer words = words(layer, offset, bytes);
        long first = position / Long.BYTES;
        for (int i = 0; i < words.capacity(); i++) {
            if (words.get(i) != KvPattern.word(seed, first + i)) {
                differences++;
            }
        }
    }

    private LongBuffer words(int layer, long offset, long bytes) {
        return buffers.get(layer)
                .slice(Math.toIntExact(offset), Math.toIntExact(bytes))
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

    /** The buffers go when nobody refers to them. */
    @Override
    public void close() {}
}
