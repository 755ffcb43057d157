// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

import io.kvlink.spi.KvDevice;
import io.kvlink.spi.KvLayout.Run;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.tck.KvMemory;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * A fake engine's KV in a GPU's memory. A kernel writes them, as an engine's own kernels do;
 * nothing but a look at what was read waits.
 */
public final class DeviceKvMemory implements KvMemory {

    private static final Duration DELAY = Duration.ofMillis(50);
    private static final int PAGE = 4096;

    /** Locked host memory that the stream uses up to an event. */
    private record Staging(ByteBuffer bytes, long address, CudaEvent used) {}

    private final CudaDevice device;
    private final CudaStream stream;
    private final KvDevice engine;
    private final Runnable delay;
    private final List<AutoCloseable> own;
    private final RunCopier copier;
    private final List<Long> allocated = new ArrayList<>();
    private final Deque<Staging> staging = new ArrayDeque<>();
    private final List<Staging> unread = new ArrayList<>();
    // Where bytes lie on the device before a kernel puts them in their places; one write's at a
    // time, in the stream's order.
    private long scratch;
    private int scratchBytes;

    /**
     * Memory of a device.
     *
     * @param device attached to the calling thread; closed by the caller
     * @param stream the engine's stream, closed by this
     * @param handle the stream's address
     * @param delay enqueues a delay on the stream
     */
    public DeviceKvMemory(CudaDevice device, CudaStream stream, long handle, Runnable delay) {
        this(device, stream, handle, delay, List.of());
    }

    private DeviceKvMemory(
            CudaDevice device,
            CudaStream stream,
            long handle,
            Runnable delay,
            List<AutoCloseable> own) {
        this.device = device;
        this.stream = stream;
        this.engine = new KvDevice(device.ordinal(), handle);
        this.delay = delay;
        this.own = own;
        this.copier = device.newRunCopier(RunCopier.WIDE);
    }

    /**
     * Memory of a real GPU, whose delay is a kernel that spins for 50 ms.
     *
     * @param ordinal the GPU's ordinal in this process
     */
    public static DeviceKvMemory of(int ordinal) {
        DriverDevice device = DriverDevice.open(ordinal);
        SpinKernel kernel = new SpinKernel(ordinal);
        CudaStream stream = device.newStream();
        return new DeviceKvMemory(
                device,
                stream,
                DriverDevice.handle(stream),
                () -> kernel.spin(stream, DELAY),
                List.of(kernel, device));
    }

    /** Bytes of the device's memory that nobody uses, in whatever process. */
    public long freeBytes() {
        device.attach();
        return device.freeBytes();
    }

    @Override
    public Optional<KvDevice> device() {
        return Optional.of(engine);
    }

    @Override
    public void enter() {
        device.attach();
    }

    @Override
    public List<MemoryRegion> allocate(int regions, long bytes) {
        device.attach();
        List<MemoryRegion> all = new ArrayList<>();
        for (int i = 0; i < regions; i++) {
            long address = device.allocate(bytes);
            allocated.add(address);
            all.add(MemoryRegion.ofDevice(device.ordinal(), address, bytes));
        }
        return all;
    }

    @Override
    public void write(MemoryRegion region, List<Run> runs, byte[] content) {
        device.attach();
        Staging source = staging(content.length);
        source.bytes.put(0, content);
        if (scratchBytes < content.length) {
            scratchBytes = content.length;
            scratch = device.allocate(scratchBytes);
            allocated.add(scratch);
        }
        device.copy(source.address, scratch, content.length, stream);
        device.record(source.used, stream);
        staging.addLast(source);
        long at = scratch;
        for (Run run : runs) {
            copier.add(at, region.address() + run.offset(), run.bytes(), stream);
            at += run.bytes();
        }
        copier.flush(stream);
    }

    @Override
    public Supplier<byte[]> read(MemoryRegion region) {
        device.attach();
        Staging target = staging(Math.toIntExact(region.bytes()));
        device.copy(region.address(), target.address, region.bytes(), stream);
        device.record(target.used, stream);
        unread.add(target);
        return () -> {
            device.attach();
            device.synchronize(target.used);
            byte[] bytes = new byte[Math.toIntExact(region.bytes())];
            target.bytes.get(0, bytes);
            unread.remove(target);
            staging.addLast(target);
            return bytes;
        };
    }

    @Override
    public void delay() {
        device.attach();
        delay.run();
    }

    // The oldest one that is large enough and no longer used, or a new one.
    private Staging staging(int bytes) {
        for (Staging each : staging) {
            if (each.bytes.capacity() >= bytes && device.complete(each.used)) {
                staging.remove(each);
                return each;
            }
        }
        // Memory is locked in pages; two buffers must not share one.
        int size = (bytes + PAGE - 1) / PAGE * PAGE;
        ByteBuffer memory =
                ByteBuffer.allocateDirect(size + PAGE).alignedSlice(PAGE).slice(0, size);
        return new Staging(memory, device.pageLocker().lock(memory), device.newEvent());
    }

    @Override
    public void close() {
        device.attach();
        try (CudaEvent end = device.newEvent()) {
            device.record(end, stream);
            device.synchronize(end);
        }
        allocated.forEach(device::free);
        staging.addAll(unread);
        for (Staging each : staging) {
            device.pageLocker().unlock(each.address);
            each.used.close();
        }
        copier.close();
        stream.close();
        for (AutoCloseable each : own) {
            close(each);
        }
    }

    private static void close(AutoCloseable owned) {
        try {
            owned.close();
        } catch (RuntimeException cause) {
            throw cause;
        } catch (Exception cause) {
            throw new IllegalStateException(cause);
        }
    }
}
