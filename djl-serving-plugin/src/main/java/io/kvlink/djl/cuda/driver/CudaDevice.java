// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda.driver;

import io.kvlink.spi.Availability;
import java.nio.charset.StandardCharsets;

/**
 * One GPU and its primary context, which libtorch uses too. Any thread may call that has called
 * {@link #attach}; the thread that opened it is attached. Whoever opened it closes it, after all
 * that was allocated, created or loaded by it was given back: it keeps no list of those.
 *
 * <p>Calls with a stream enqueue and return. All throw {@link CudaException} if the driver refuses,
 * or if it reports what work enqueued before has broken.
 */
public final class CudaDevice implements AutoCloseable {

    private static final int MULTIPROCESSOR_COUNT = 16;
    private static final int CAPABILITY_MAJOR = 75;
    private static final int CAPABILITY_MINOR = 76;
    private static final int MAX_DYNAMIC_SHARED_BYTES = 8;
    private static final int HOST_MEMORY_PORTABLE = 1;
    private static final int STREAM_NON_BLOCKING = 1;
    private static final int EVENT_DISABLE_TIMING = 2;
    private static final int CAPTURE_THREAD_LOCAL = 1;
    private static final int NAME_BYTES = 256;

    /** Asked once. */
    private static final class Probe {
        static final Availability AVAILABILITY = probe();
    }

    private final int ordinal;
    private final int device;
    private final long context;
    private final String name;
    private final int capability;
    private final int multiprocessors;
    private volatile boolean closed;

    private CudaDevice(int ordinal, int device, long context) {
        this.ordinal = ordinal;
        this.device = device;
        this.context = context;
        name = nameOf(device);
        capability = attribute(device, CAPABILITY_MAJOR) * 10 + attribute(device, CAPABILITY_MINOR);
        multiprocessors = attribute(device, MULTIPROCESSOR_COUNT);
    }

    /** Tells whether there is a GPU, and a driver with all functions that are called. */
    public static Availability availability() {
        return Probe.AVAILABILITY;
    }

    /**
     * Retains a GPU's primary context and makes it the calling thread's.
     *
     * @param ordinal of the GPU in this process, from 0
     * @throws CudaException if there is no such GPU, or no driver
     */
    public static CudaDevice open(int ordinal) {
        Availability availability = availability();
        if (!availability.ready()) {
            throw CudaException.unavailable("cuInit", availability.reason());
        }
        int[] device = new int[1];
        int status = DriverCalls.cuDeviceGet(device, ordinal);
        if (status != DriverCalls.SUCCESS) {
            throw CudaException.ofDriver("cuDeviceGet", status, "ordinal=" + ordinal);
        }
        long[] context = new long[1];
        CudaException.check(
                DriverCalls.cuDevicePrimaryCtxRetain(context, device[0]),
                "cuDevicePrimaryCtxRetain");
        try {
            CudaException.check(DriverCalls.cuCtxSetCurrent(context[0]), "cuCtxSetCurrent");
            return new CudaDevice(ordinal, device[0], context[0]);
        } catch (CudaException refused) {
            release(device[0]);
            throw refused;
        }
    }

    /** Makes the context the calling thread's. */
    public void attach() {
        requireOpen();
        CudaException.check(DriverCalls.cuCtxSetCurrent(context), "cuCtxSetCurrent");
    }

    /** Gives the context back; the calling thread has none then. Closing again does nothing. */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            int detached = DriverCalls.cuCtxSetCurrent(0);
            release(device);
            CudaException.check(detached, "cuCtxSetCurrent");
        }
    }

    /** The number it was opened by. */
    public int ordinal() {
        return ordinal;
    }

    /** Name of the product, such as {@code NVIDIA H200}. */
    public String name() {
        return name;
    }

    /** Compute capability, ten times the major number and the minor one: 90 for an H200. */
    public int capability() {
        return capability;
    }

    /** Number of multiprocessors. */
    public int multiprocessors() {
        return multiprocessors;
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

    /** Begins to record what this thread enqueues on the stream, instead of running it. */
    public void beginCapture(long stream) {
        CudaException.check(
                DriverCalls.cuStreamBeginCapture_v2(stream, CAPTURE_THREAD_LOCAL),
                "cuStreamBeginCapture");
    }

    /**
     * Ends a capture.
     *
     * @return what was recorded, ready to be launched; the caller destroys it
     * @throws CudaException if what was enqueued can't be captured; the capture has ended then
     */
    public long endCapture(long stream) {
        long[] graph = new long[1];
        CudaException.check(DriverCalls.cuStreamEndCapture(stream, graph), "cuStreamEndCapture");
        long[] exec = new long[1];
        int made = DriverCalls.cuGraphInstantiateWithFlags(exec, graph[0], 0);
        int destroyed = DriverCalls.cuGraphDestroy(graph[0]);
        CudaException.check(made, "cuGraphInstantiate");
        CudaException.check(destroyed, "cuGraphDestroy");
        return exec[0];
    }

    /** Ends a capture that failed on the way and drops what was recorded; never throws. */
    public void abandonCapture(long stream) {
        long[] graph = new long[1];
        int ended = DriverCalls.cuStreamEndCapture(stream, graph);
        if (ended == DriverCalls.SUCCESS && graph[0] != 0) {
            int destroyed = DriverCalls.cuGraphDestroy(graph[0]);
            assert destroyed == DriverCalls.SUCCESS : "cuGraphDestroy status=" + destroyed;
        }
    }

    /** Enqueues a graph. A graph runs once at a time, in the order of its launches. */
    public void launchGraph(long exec, long stream) {
        CudaException.check(DriverCalls.cuGraphLaunch(exec, stream), "cuGraphLaunch");
    }

    /** Destroys a graph; a launch that runs goes on to its end. */
    public void destroyGraph(long exec) {
        CudaException.check(DriverCalls.cuGraphExecDestroy(exec), "cuGraphExecDestroy");
    }

    void requireOpen() {
        if (closed) {
            throw new IllegalStateException("closed: device=" + ordinal);
        }
    }

    private long[] memoryInfo() {
        long[] free = new long[1];
        long[] total = new long[1];
        CudaException.check(DriverCalls.cuMemGetInfo_v2(free, total), "cuMemGetInfo");
        return new long[] {free[0], total[0]};
    }

    private static Availability probe() {
        Availability bound = DriverCalls.availability();
        if (!bound.ready()) {
            return bound;
        }
        int status = DriverCalls.cuInit(0);
        if (status != DriverCalls.SUCCESS) {
            return Availability.missing(CudaException.driverMessage("cuInit", status, ""));
        }
        int[] count = new int[1];
        status = DriverCalls.cuDeviceGetCount(count);
        return status == DriverCalls.SUCCESS && count[0] > 0
                ? Availability.usable()
                : Availability.missing(
                        "cuDeviceGetCount status=%d; the driver shows this process %d GPUs"
                                .formatted(status, count[0]));
    }

    private static void release(int device) {
        CudaException.check(
                DriverCalls.cuDevicePrimaryCtxRelease_v2(device), "cuDevicePrimaryCtxRelease");
    }

    private static String nameOf(int device) {
        byte[] text = new byte[NAME_BYTES];
        CudaException.check(
                DriverCalls.cuDeviceGetName(text, NAME_BYTES, device), "cuDeviceGetName");
        int length = 0;
        while (length < NAME_BYTES && text[length] != 0) {
            length++;
        }
        return new String(text, 0, length, StandardCharsets.UTF_8);
    }

    private static int attribute(int device, int attribute) {
        int[] value = new int[1];
        CudaException.check(
                DriverCalls.cuDeviceGetAttribute(value, attribute, device), "cuDeviceGetAttribute");
        return value[0];
    }
}
