// SPDX-License-Identifier: Apache-2.0
package io.kvlink.cuda;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Kernels that the driver has translated for its device. Made by {@link Gpu#load}; whoever loaded
 * it closes it, on an attached thread, when no kernel of it runs any more.
 */
public final class CudaModule implements AutoCloseable {

    private static final int ERROR_LOG_BUFFER = 5;
    private static final int ERROR_LOG_BUFFER_SIZE_BYTES = 6;
    private static final int LOG_BYTES = 16 << 10;

    private final long module;
    private boolean closed;

    private CudaModule(long module) {
        this.module = module;
    }

    /** Translates PTX; the text of the driver's compiler is in the exception if it fails. */
    static CudaModule load(byte[] ptx) {
        long[] module = new long[1];
        try (Memory log = new Memory(LOG_BYTES)) {
            log.clear();
            int status =
                    DriverCalls.cuModuleLoadDataEx(
                            module,
                            terminated(ptx),
                            2,
                            new int[] {ERROR_LOG_BUFFER, ERROR_LOG_BUFFER_SIZE_BYTES},
                            new long[] {Pointer.nativeValue(log), LOG_BYTES});
            if (status != DriverCalls.SUCCESS) {
                log.setByte(LOG_BYTES - 1, (byte) 0);
                throw CudaException.ofDriver(
                        "cuModuleLoadDataEx", status, "log=" + log.getString(0).strip());
            }
        }
        return new CudaModule(module[0]);
    }

    /**
     * Handle of a kernel; valid until the module is closed.
     *
     * @throws CudaException if the module has no such kernel
     */
    public long function(String name) {
        long[] function = new long[1];
        int status =
                DriverCalls.cuModuleGetFunction(
                        function, module, terminated(name.getBytes(StandardCharsets.US_ASCII)));
        if (status != DriverCalls.SUCCESS) {
            throw CudaException.ofDriver("cuModuleGetFunction", status, "name=" + name);
        }
        return function[0];
    }

    /**
     * Unloads the kernels; closing again does nothing.
     *
     * @throws CudaException if the driver refuses
     */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            CudaException.check(DriverCalls.cuModuleUnload(module), "cuModuleUnload");
        }
    }

    // C ends a text by a zero.
    private static byte[] terminated(byte[] text) {
        return Arrays.copyOf(text, text.length + 1);
    }
}
