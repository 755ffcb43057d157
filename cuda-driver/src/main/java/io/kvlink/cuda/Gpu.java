// SPDX-License-Identifier: Apache-2.0
package io.kvlink.cuda;

import com.sun.jna.Native;
import com.sun.jna.Pointer;
import io.kvlink.spi.Availability;
import java.nio.ByteBuffer;

/**
 * One GPU and its primary context, which libtorch uses too. Any thread may call that has called
 * {@link #attach}; the thread that opened it is attached. Whoever opened it closes it, after all
 * that was allocated, created or loaded by it was given back: it keeps no list of those.
 *
 * <p>Calls with a stream enqueue and return. All throw {@link CudaException} if the driver refuses,
 * or if it reports what work enqueued before has broken.
 */
public final class Gpu implements AutoCloseable {

    private static final int MAX_DYNAMIC_SHARED_BYTES = 8;
    private static final int HOST_MEMORY_PORTABLE = 1;
    // Mapped, so that kernels read and write it, too.
    private static final int REGISTER_PORTABLE_AND_MAPPED = 3;
    private static final int STREAM_NON_BLOCKING = 1;
    private static final int EVENT_DISABLE_TIMING = 2;

    private final GpuFacts facts;
    private final long context;
    private volatile boolean closed;

    private Gpu(GpuFacts facts, long context) {
        this.facts = facts;
        this.context = context;
    }

    /** Tells whether there is a GPU, and a driver with all functions that are called. */
    public static Availability availability() {
        return GpuFacts.availability();
    }

    /**
     * Number of GPUs that this process sees.
     *
     * @throws CudaException if there is no driver, or no GPU
     */
    public static int count() {
        return GpuFacts.count();
    }

    /**
     * Retains a GPU's primary context and makes it the calling thread's.
     *
     * @param ordinal of the GPU in this process, from 0
     * @throws CudaException if there is no such GPU, or no driver
     */
    public static Gpu open(int ordinal) {
        GpuFacts facts = GpuFacts.of(ordinal);
        Gpu opened = new Gpu(facts, retain(facts.device()));
        try {
            opened.attach();
            return opened;
        } catch (CudaException refused) {
            release(facts.device());
            throw refused;
        }
    }

    /** Makes the context the calling thread's; once closed, if others have the device open. */
    public void attach() {
        CudaException.check(DriverCalls.cuCtxSetCurrent(context), "cuCtxSetCurrent");
    }

    /** Gives the context back; the calling thread has none then. Closing again does nothing. */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            int detached = DriverCalls.cuCtxSetCurrent(0);
            release(facts.device());
            CudaException.check(detached, "cuCtxSetCurrent");
        }
    }

    /**
     * Gives the context back, and leaves it the calling thread's: for a thread on which somebody
     * else has the same GPU open. Closing again does nothing.
     */
    public void closeAttached() {
        if (!closed) {
            closed = true;
            release(facts.device());
        }
    }

    /** The number it was opened by. */
    public int ordinal() {
        return facts.ordinal();
    }

    /** Name of the product, such as {@code NVIDIA H200}. */
    public String name() {
        return facts.name();
    }

    /** The GPU's identity, the same in all processes: 32 hexadecimal digits. */
    public String uuid() {
        return facts.uuid();
    }

    /** Compute capability, ten times the major number and the minor one: 90 for an H200. */
    public int capability() {
        return facts.capability();
    }

    /** Number of multiprocessors. */
    public int multiprocessors() {
        return facts.multiprocessors();
    }

    /** Bytes that nobody has allocated, by any process. */
    public long freeBytes() {
        return memoryInfo()[0];
    }

    /** Bytes of the device. */
    public long totalBytes() {
        return memoryInfo()[1];
    }

    /**
     * Allocates device memory, aligned to 256 bytes at least; its bytes are undefined.
     *
     * @param bytes at least 1
     * @return the address; the caller frees it
     */
    public long allocate(long bytes) {
        long[] address = new long[1];
        int status = DriverCalls.cuMemAlloc_v2(address, bytes);
        if (status != DriverCalls.SUCCESS) {
            throw CudaException.ofDriver("cuMemAlloc", status, "bytes=" + bytes);
        }
        return address[0];
    }

    /** Frees what {@link #allocate} gave; waits for the work that uses it. */
    public void free(long address) {
        CudaException.check(DriverCalls.cuMemFree_v2(address), "cuMemFree");
    }

    /**
     * Allocates page-locked host memory.
     *
     * @param bytes 1 to 2^31 - 1
     * @return closed by the caller
     */
    public PinnedMemory allocatePinned(long bytes) {
        int size = Math.toIntExact(bytes);
        long[] address = new long[1];
        int status = DriverCalls.cuMemHostAlloc(address, bytes, HOST_MEMORY_PORTABLE);
        if (status != DriverCalls.SUCCESS) {
            throw CudaException.ofDriver("cuMemHostAlloc", status, "bytes=" + bytes);
        }
        return new PinnedMemory(address[0], size);
    }

    /**
     * Locks direct host memory, so that devices copy it at full speed and kernels reach it.
     *
     * @param memory what lies between its position and its limit; it stays the caller's, reachable
     *     until it is unlocked
     * @return the address of its first byte, for the host and for the device
     */
    public long lock(ByteBuffer memory) {
        long address =
                Pointer.nativeValue(Native.getDirectBufferPointer(memory)) + memory.position();
        int status =
                DriverCalls.cuMemHostRegister_v2(
                        address, memory.remaining(), REGISTER_PORTABLE_AND_MAPPED);
        if (status != DriverCalls.SUCCESS) {
            throw CudaException.ofDriver(
                    "cuMemHostRegister", status, "bytes=" + memory.remaining());
        }
        return address;
    }

    /** Undoes {@link #lock}. */
    public void unlock(long address) {
        CudaException.check(DriverCalls.cuMemHostUnregister(address), "cuMemHostUnregister");
    }

    /** Enqueues a copy from host memory, which is page-locked and stays as it is until then. */
    public void copyIn(long device, long host, long bytes, long stream) {
        CudaException.check(
                DriverCalls.cuMemcpyHtoDAsync_v2(device, host, bytes, stream), "cuMemcpyHtoDAsync");
    }

    /** Enqueues a copy to page-locked host memory. */
    public void copyOut(long host, long device, long bytes, long stream) {
        CudaException.check(
                DriverCalls.cuMemcpyDtoHAsync_v2(host, device, bytes, stream), "cuMemcpyDtoHAsync");
    }

    /** Enqueues a copy within the device. */
    public void copy(long to, long from, long bytes, long stream) {
        CudaException.check(
                DriverCalls.cuMemcpyDtoDAsync_v2(to, from, bytes, stream), "cuMemcpyDtoDAsync");
    }

    /**
     * Enqueues a copy between any two of these: memory of this device, of a peer, of another
     * process that is mapped, and locked host memory.
     */
    public void copyAnywhere(long to, long from, long bytes, long stream) {
        int status = DriverCalls.cuMemcpyAsync(to, from, bytes, stream);
        if (status != DriverCalls.SUCCESS) {
            String given = "to=0x%x from=0x%x bytes=%d".formatted(to, from, bytes);
            throw CudaException.ofDriver("cuMemcpyAsync", status, given);
        }
    }

    /** Enqueues the filling of {@code words} 32-bit words. */
    public void fill(long device, int word, long words, long stream) {
        CudaException.check(
                DriverCalls.cuMemsetD32Async(device, word, words, stream), "cuMemsetD32Async");
    }

    /** A stream that doesn't wait for the default stream; the caller destroys it. */
    public long newStream() {
        long[] stream = new long[1];
        CudaException.check(
                DriverCalls.cuStreamCreate(stream, STREAM_NON_BLOCKING), "cuStreamCreate");
        return stream[0];
    }

    /** Like {@link #newStream}, but ahead of other streams where the device has to choose. */
    public long newUrgentStream() {
        int[] least = new int[1];
        int[] greatest = new int[1];
        CudaException.check(
                DriverCalls.cuCtxGetStreamPriorityRange(least, greatest),
                "cuCtxGetStreamPriorityRange");
        long[] stream = new long[1];
        CudaException.check(
                DriverCalls.cuStreamCreateWithPriority(stream, STREAM_NON_BLOCKING, greatest[0]),
                "cuStreamCreateWithPriority");
        return stream[0];
    }

    /** Destroys a stream; its work goes on to its end. */
    public void destroyStream(long stream) {
        CudaException.check(DriverCalls.cuStreamDestroy_v2(stream), "cuStreamDestroy");
    }

    /** Waits for all that was enqueued on a stream. */
    public void synchronizeStream(long stream) {
        CudaException.check(DriverCalls.cuStreamSynchronize(stream), "cuStreamSynchronize");
    }

    /** An event without timing; the caller destroys it. */
    public long newEvent() {
        long[] event = new long[1];
        CudaException.check(
                DriverCalls.cuEventCreate(event, EVENT_DISABLE_TIMING), "cuEventCreate");
        return event[0];
    }

    /** Destroys an event; waits that were enqueued for it stay. */
    public void destroyEvent(long event) {
        CudaException.check(DriverCalls.cuEventDestroy_v2(event), "cuEventDestroy");
    }

    /** Makes the event stand for all that was enqueued on the stream so far. */
    public void record(long event, long stream) {
        CudaException.check(DriverCalls.cuEventRecord(event, stream), "cuEventRecord");
    }

    /** Makes what is enqueued next on the stream wait for the event. */
    public void await(long stream, long event) {
        CudaException.check(DriverCalls.cuStreamWaitEvent(stream, event, 0), "cuStreamWaitEvent");
    }

    /** Waits on the calling thread until the event's work is done. */
    public void synchronize(long event) {
        CudaException.check(DriverCalls.cuEventSynchronize(event), "cuEventSynchronize");
    }

    /** True if the event's work is done, or the event was never recorded. */
    public boolean complete(long event) {
        int status = DriverCalls.cuEventQuery(event);
        if (status == DriverCalls.NOT_READY) {
            return false;
        }
        CudaException.check(status, "cuEventQuery");
        return true;
    }

    /**
     * Loads kernels; the driver translates them for this device.
     *
     * @param ptx text of PTX, with or without a zero at its end
     * @return closed by the caller
     * @throws CudaException with the translator's log if it refuses
     */
    public CudaModule load(byte[] ptx) {
        return CudaModule.load(ptx);
    }

    /** Lets a kernel be launched with that much dynamic shared memory; 48 KiB need no such call. */
    public void allowShared(long function, int bytes) {
        int status = DriverCalls.cuFuncSetAttribute(function, MAX_DYNAMIC_SHARED_BYTES, bytes);
        if (status != DriverCalls.SUCCESS) {
            throw CudaException.ofDriver("cuFuncSetAttribute", status, "sharedBytes=" + bytes);
        }
    }

    /**
     * Refuses a device that has been closed.
     *
     * @throws IllegalStateException if it is closed
     */
    public void requireOpen() {
        if (closed) {
            throw new IllegalStateException("closed: device=" + facts.ordinal());
        }
    }

    /** The driver's handle of the device. */
    int handle() {
        return facts.device();
    }

    /** Retains a device's primary context; the caller releases it. */
    static long retain(int device) {
        long[] context = new long[1];
        CudaException.check(
                DriverCalls.cuDevicePrimaryCtxRetain(context, device), "cuDevicePrimaryCtxRetain");
        return context[0];
    }

    static void release(int device) {
        CudaException.check(
                DriverCalls.cuDevicePrimaryCtxRelease_v2(device), "cuDevicePrimaryCtxRelease");
    }

    private long[] memoryInfo() {
        long[] free = new long[1];
        long[] total = new long[1];
        CudaException.check(DriverCalls.cuMemGetInfo_v2(free, total), "cuMemGetInfo");
        return new long[] {free[0], total[0]};
    }
}
