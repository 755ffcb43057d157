// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.wire.node;

import io.kvlink.cuda.CudaException;
import io.kvlink.cuda.Gpu;
import io.kvlink.cuda.NativeLibraries;
import io.kvlink.spi.Availability;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** The few calls of CUDA's driver that the benchmarks need and nothing else does. Any thread. */
final class DriverCalls {

    static {
        Availability bound = NativeLibraries.bind(DriverCalls.class, Stream.of("libcuda.so.1"));
        if (!bound.ready()) {
            throw CudaException.unavailable("libcuda", bound.reason());
        }
    }

    private DriverCalls() {}

    private static native int cuDriverGetVersion(int[] version);

    private static native int cuEventCreate(long[] event, int flags);

    private static native int cuEventElapsedTime(float[] ms, long start, long end);

    /** An event that takes the time. */
    static long newTimer() {
        long[] event = new long[1];
        check(cuEventCreate(event, 0), "cuEventCreate");
        return event[0];
    }

    /** Time between two events that have come, by the GPU's clock. */
    static double elapsedMs(long start, long end) {
        float[] ms = new float[1];
        check(cuEventElapsedTime(ms, start, end), "cuEventElapsedTime");
        return ms[0];
    }

    /** Name of a GPU, its driver, and the CUDA version that the driver supports. */
    static String facts(int ordinal) throws IOException {
        int[] version = new int[1];
        check(cuDriverGetVersion(version), "cuDriverGetVersion");
        Gpu gpu = Gpu.open(ordinal);
        try {
            return "%s, driver %s, CUDA %d.%d"
                    .formatted(gpu.name(), driver(), version[0] / 1000, version[0] % 1000 / 10);
        } finally {
            gpu.closeAttached();
        }
    }

    private static String driver() throws IOException {
        Path file = Path.of("/proc/driver/nvidia/version");
        if (!Files.isReadable(file)) {
            return "unknown";
        }
        String line = Files.readString(file).lines().findFirst().orElse("");
        return line.replaceAll(".*?(\\d+\\.\\d+(\\.\\d+)?).*", "$1");
    }

    private static void check(int status, String call) {
        if (status != 0) {
            throw CudaException.ofLibrary(call, status, "see cuda.h", "", false);
        }
    }
}
