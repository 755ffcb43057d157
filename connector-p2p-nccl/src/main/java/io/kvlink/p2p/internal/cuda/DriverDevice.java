// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

import io.kvlink.cuda.CudaException;
import io.kvlink.cuda.CudaModule;
import io.kvlink.cuda.Gpu;
import io.kvlink.cuda.GpuReach;
import io.kvlink.spi.Availability;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.PageLocker;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A GPU through the CUDA driver, in the device's primary context, which is also the one of CUDA's
 * runtime and of libtorch.
 */
public final class DriverDevice implements CudaDevice {

    private static final String KERNELS = "copy_runs.ptx";

    private final Gpu gpu;
    private final GpuReach reach;
    private final Object modules = new Object();
    // Guarded by modules.
    private @Nullable CudaModule module;

    private DriverDevice(Gpu gpu) {
        this.gpu = gpu;
        this.reach = new GpuReach(gpu);
    }

    /**
     * Opens a device.
     *
     * @param ordinal its ordinal in this process
     * @return the device, with the calling thread attached; the caller closes it
     * @throws KvConnectorException with {@link KvError#BAD_CONFIG} if there is no such device, with
     *     {@link KvError#UNAVAILABLE} if there is no driver
     */
    public static DriverDevice open(int ordinal) {
        int count = count();
        if (ordinal < 0 || ordinal >= count) {
            throw new KvConnectorException(
                    KvError.BAD_CONFIG,
                    "device=%d; this process sees %d of them".formatted(ordinal, count));
        }
        try {
            return new DriverDevice(Gpu.open(ordinal));
        } catch (CudaException refused) {
            throw refusal(refused, "device=" + ordinal);
        }
    }

    /**
     * Number of devices that this process sees.
     *
     * @throws KvConnectorException with {@link KvError#UNAVAILABLE} if there is no driver, or no
     *     GPU
     */
    public static int count() {
        Availability availability = Gpu.availability();
        if (!availability.ready()) {
            throw new KvConnectorException(KvError.UNAVAILABLE, availability.reason());
        }
        try {
            return Gpu.count();
        } catch (CudaException refused) {
            throw refusal(refused, "");
        }
    }

    /** The address of a stream's {@code cudaStream_t}, 0 for the default stream. */
    static long handle(CudaStream stream) {
        return ((Stream) stream).handle;
    }

    private static long handle(CudaEvent event) {
        return ((Event) event).handle;
    }

    /** Turns what the driver refuses into the exception that this port promises. */
    static KvConnectorException refusal(CudaException refused, Object facts) {
        return new KvConnectorException(
                KvError.NATIVE_CALL_FAILED,
                (refused.getMessage() + " " + facts).stripTrailing(),
                refused);
    }

    private KvConnectorException refusal(CudaException refused) {
        return refusal(refused, "device=" + ordinal());
    }

    // For calls off the hot path: a lambda is an object.
    private void tell(Runnable call) {
        try {
            call.run();
        } catch (CudaException refused) {
            throw refusal(refused);
        }
    }

    private long ask(LongSupplier call) {
        try {
            return call.getAsLong();
        } catch (CudaException refused) {
            throw refusal(refused);
        }
    }

    @Override
    public int ordinal() {
        return gpu.ordinal();
    }

    @Override
    public String uuid() {
        return gpu.uuid();
    }

    @Override
    public boolean canReach(String peer) {
        return ask(() -> reach.canAccess(peer) ? 1 : 0) != 0;
    }

    @Override
    public void attach() {
        tell(gpu::attach);
    }

    @Override
    public long allocate(long bytes) {
        return ask(() -> gpu.allocate(bytes));
    }

    @Override
    public void free(long address) {
        tell(() -> gpu.free(address));
    }

    @Override
    public long freeBytes() {
        return ask(gpu::freeBytes);
    }

    @Override
    public byte[] export(long address) {
        try {
            return reach.export(address);
        } catch (CudaException refused) {
            throw refusal(refused);
        }
    }

    @Override
    public long map(byte[] handle) {
        return ask(() -> reach.map(handle));
    }

    @Override
    public void unmap(long address) {
        tell(() -> reach.unmap(address));
    }

    @Override
    public void enablePeer(String peer) {
        tell(() -> reach.enablePeer(peer));
    }

    @Override
    public PageLocker pageLocker() {
        return new Locker(this);
    }

    @Override
    public CudaStream newStream() {
        return new Stream(this, ask(gpu::newUrgentStream), true);
    }

    @Override
    public CudaStream stream(long handle) {
        return new Stream(this, handle, false);
    }

    @Override
    public CudaEvent newEvent() {
        return new Event(this, ask(gpu::newEvent));
    }

    @Override
    public void record(CudaEvent event, CudaStream stream) {
        try {
            gpu.record(handle(event), handle(stream));
        } catch (CudaException refused) {
            throw refusal(refused);
        }
    }

    @Override
    public void await(CudaStream stream, CudaEvent event) {
        try {
            gpu.await(handle(stream), handle(event));
        } catch (CudaException refused) {
            throw refusal(refused);
        }
    }

    @Override
    public boolean complete(CudaEvent event) {
        try {
            return gpu.complete(handle(event));
        } catch (CudaException refused) {
            throw refusal(refused);
        }
    }

    @Override
    public void synchronize(CudaEvent event) {
        try {
            gpu.synchronize(handle(event));
        } catch (CudaException refused) {
            throw refusal(refused);
        }
    }

    @Override
    public void copy(long source, long destination, long bytes, CudaStream stream) {
        try {
            gpu.copyAnywhere(destination, source, bytes, handle(stream));
        } catch (CudaException refused) {
            throw refusal(refused);
        }
    }

    @Override
    public RunCopier newRunCopier(int mostBlocks) {
        long few = ask(() -> kernels().function("copy_few"));
        long many = ask(() -> kernels().function("copy_many"));
        return new DriverRunCopier(gpu, few, many, mostBlocks);
    }

    private CudaModule kernels() {
        synchronized (modules) {
            if (module == null) {
                module = gpu.load(ptx());
            }
            return module;
        }
    }

    private static byte[] ptx() {
        try (InputStream in = DriverDevice.class.getResourceAsStream(KERNELS)) {
            if (in == null) {
                throw new IllegalStateException("this jar lacks " + KERNELS);
            }
            return in.readAllBytes();
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }

    @Override
    public void close() {
        synchronized (modules) {
            if (module != null) {
                tell(module::close);
                module = null;
            }
        }
        // The engine's thread has the same context.
        tell(gpu::closeAttached);
    }

    @Override
    public String toString() {
        return "device=" + ordinal() + " uuid=" + uuid();
    }

    private record Stream(DriverDevice device, long handle, boolean own) implements CudaStream {
        @Override
        public void close() {
            if (own) {
                device.tell(() -> device.gpu.destroyStream(handle));
            }
        }
    }

    private record Event(DriverDevice device, long handle) implements CudaEvent {
        @Override
        public void close() {
            device.tell(() -> device.gpu.destroyEvent(handle));
        }
    }

    /** Locks host memory, which stays its owner's, and Java's to count. */
    private record Locker(DriverDevice device) implements PageLocker {
        @Override
        public long lock(ByteBuffer memory) {
            device.attach(); // The pool locks on whatever thread leases.
            return device.ask(() -> device.gpu.lock(memory));
        }

        @Override
        public void unlock(long address) {
            device.attach();
            device.tell(() -> device.gpu.unlock(address));
        }
    }
}
