// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda.driver;

import io.kvlink.spi.Availability;
import java.util.stream.Stream;

/**
 * The functions of the CUDA driver, as {@code cuda.h} declares them. A pointer, a handle and a
 * {@code size_t} are a {@code long}; an array is copied in and out. Any thread.
 */
@SuppressWarnings("MemberName") // C's names.
final class DriverCalls {

    static final int SUCCESS = 0;
    static final int NOT_READY = 600;

    /** Bound once, when it is first asked for. */
    private static final class Probe {
        static final Availability AVAILABILITY =
                NativeLibraries.bind(DriverCalls.class, Stream.of(SONAME));
    }

    private static final String SONAME = "libcuda.so.1";

    private DriverCalls() {}

    /** Tells whether the driver has all of these functions. None is called unless it has. */
    static Availability availability() {
        return Probe.AVAILABILITY;
    }

    static native int cuInit(int flags);

    static native int cuGetErrorName(int error, long[] text);

    static native int cuDeviceGetCount(int[] count);

    static native int cuDeviceGet(int[] device, int ordinal);

    static native int cuDeviceGetName(byte[] name, int length, int device);

    static native int cuDeviceGetAttribute(int[] value, int attribute, int device);

    static native int cuDevicePrimaryCtxRetain(long[] context, int device);

    static native int cuDevicePrimaryCtxRelease_v2(int device);

    static native int cuCtxSetCurrent(long context);

    static native int cuMemGetInfo_v2(long[] free, long[] total);

    static native int cuMemAlloc_v2(long[] address, long bytes);

    static native int cuMemFree_v2(long address);

    static native int cuMemHostAlloc(long[] address, long bytes, int flags);

    static native int cuMemFreeHost(long address);

    static native int cuMemcpyHtoDAsync_v2(long to, long from, long bytes, long stream);

    static native int cuMemcpyDtoHAsync_v2(long to, long from, long bytes, long stream);

    static native int cuMemcpyDtoDAsync_v2(long to, long from, long bytes, long stream);

    static native int cuMemsetD32Async(long to, int word, long words, long stream);

    static native int cuStreamCreate(long[] stream, int flags);

    static native int cuStreamDestroy_v2(long stream);

    static native int cuStreamSynchronize(long stream);

    static native int cuStreamWaitEvent(long stream, long event, int flags);

    static native int cuEventCreate(long[] event, int flags);

    static native int cuEventDestroy_v2(long event);

    static native int cuEventRecord(long event, long stream);

    static native int cuEventQuery(long event);

    static native int cuEventSynchronize(long event);

    static native int cuModuleLoadDataEx(
            long[] module, byte[] image, int count, int[] options, long[] values);

    static native int cuModuleUnload(long module);

    static native int cuModuleGetFunction(long[] function, long module, byte[] name);

    static native int cuFuncSetAttribute(long function, int attribute, int value);

    static native int cuLaunchKernel(
            long function,
            int gridX,
            int gridY,
            int gridZ,
            int blockX,
            int blockY,
            int blockZ,
            int sharedBytes,
            long stream,
            long parameters,
            long extra);

    static native int cuStreamBeginCapture_v2(long stream, int mode);

    static native int cuStreamEndCapture(long stream, long[] graph);

    static native int cuGraphInstantiateWithFlags(long[] exec, long graph, long flags);

    static native int cuGraphLaunch(long exec, long stream);

    static native int cuGraphExecDestroy(long exec);

    static native int cuGraphDestroy(long graph);
}
