// SPDX-License-Identifier: Apache-2.0
package io.kvlink.offload;

import io.kvlink.cuda.Gpu;
import io.kvlink.cuda.PinnedMemory;
import io.kvlink.spi.KvDevice;
import io.kvlink.spi.KvLayout.Run;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.tck.KvMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/** A fake engine's KV in a GPU's memory; nothing but a look at what was read waits. */
final class GpuKvMemory implements KvMemory {

    private static final long DELAY_BYTES = 256L << 20;
    private static final int DELAY_FILLS = 400;

    /** Locked host memory that the stream uses up to an event. */
    private record Staging(PinnedMemory memory, int bytes, long used) {}

    private final Gpu gpu = Gpu.open(0);
    private final long stream = gpu.newStream();
    private final List<Long> allocated = new ArrayList<>();
    private final List<Staging> staging = new ArrayList<>();
    private final List<Staging> unread = new ArrayList<>();
    private long delayed;

    @Override
    public Optional<KvDevice> device() {
        return Optional.of(new KvDevice(gpu.ordinal(), stream));
    }

    @Override
    public void enter() {
        gpu.attach();
    }

    @Override
    public List<MemoryRegion> allocate(int regions, long bytes) {
        gpu.attach();
        List<MemoryRegion> all = new ArrayList<>();
        for (int i = 0; i < regions; i++) {
            all.add(MemoryRegion.ofDevice(gpu.ordinal(), allocated(bytes), bytes));
        }
        return all;
    }

    private long allocated(long bytes) {
        long address = gpu.allocate(bytes);
        allocated.add(address);
        return address;
    }

    @Override
    public void write(MemoryRegion region, List<Run> runs, byte[] content) {
        gpu.attach();
        Staging source = staging(content.length);
        source.memory.buffer().put(0, content);
        long at = source.memory.address();
        for (Run run : runs) {
            gpu.copyIn(region.address() + run.offset(), at, run.bytes(), stream);
            at += run.bytes();
        }
        gpu.record(source.used, stream);
        staging.add(source);
    }

    @Override
    public Supplier<byte[]> read(MemoryRegion region) {
        gpu.attach();
        int bytes = Math.toIntExact(region.bytes());
        Staging target = staging(bytes);
        gpu.copyOut(target.memory.address(), region.address(), bytes, stream);
        gpu.record(target.used, stream);
        unread.add(target);
        return () -> {
            gpu.attach();
            gpu.synchronize(target.used);
            byte[] seen = new byte[bytes];
            target.memory.buffer().get(0, seen);
            unread.remove(target);
            staging.add(target);
            return seen;
        };
    }

    /** Some tens of milliseconds of work. */
    @Override
    public void delay() {
        gpu.attach();
        if (delayed == 0) {
            delayed = allocated(DELAY_BYTES);
        }
        for (int i = 0; i < DELAY_FILLS; i++) {
            gpu.fill(delayed, i, DELAY_BYTES / Integer.BYTES, stream);
        }
    }

    private Staging staging(int bytes) {
        for (Staging each : staging) {
            if (each.bytes >= bytes && gpu.complete(each.used)) {
                staging.remove(each);
                return each;
            }
        }
        return new Staging(gpu.allocatePinned(bytes), bytes, gpu.newEvent());
    }

    @Override
    public void close() {
        gpu.attach();
        gpu.synchronizeStream(stream);
        allocated.forEach(gpu::free);
        staging.addAll(unread);
        for (Staging each : staging) {
            each.memory.close();
            gpu.destroyEvent(each.used);
        }
        gpu.destroyStream(stream);
        gpu.closeAttached();
    }
}
