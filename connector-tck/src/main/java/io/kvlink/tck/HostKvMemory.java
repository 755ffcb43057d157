// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import io.kvlink.spi.KvDevice;
import io.kvlink.spi.KvLayout.Run;
import io.kvlink.spi.MemoryRegion;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * KV in buffers, written and read at once.
 *
 * @param isDirect true for direct buffers, false for arrays
 */
record HostKvMemory(boolean isDirect) implements KvMemory {

    @Override
    public Optional<KvDevice> device() {
        return Optional.empty();
    }

    @Override
    public List<MemoryRegion> allocate(int regions, long bytes) {
        List<MemoryRegion> allocated = new ArrayList<>();
        int size = Math.toIntExact(bytes);
        for (int i = 0; i < regions; i++) {
            allocated.add(
                    MemoryRegion.ofBuffer(
                            isDirect
                                    ? ByteBuffer.allocateDirect(size)
                                    : ByteBuffer.allocate(size)));
        }
        return allocated;
    }

    @Override
    public void write(MemoryRegion region, List<Run> runs, byte[] content) {
        ByteBuffer memory = region.buffer();
        int at = 0;
        for (Run run : runs) {
            int bytes = Math.toIntExact(run.bytes());
            memory.put(Math.toIntExact(run.offset()), content, at, bytes);
            at += bytes;
        }
    }

    @Override
    public Supplier<byte[]> read(MemoryRegion region) {
        byte[] bytes = new byte[Math.toIntExact(region.bytes())];
        region.buffer().get(bytes);
        return () -> bytes;
    }

    @Override
    public void delay() {}

    @Override
    public void close() {}
}
