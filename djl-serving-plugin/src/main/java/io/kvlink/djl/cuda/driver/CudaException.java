// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda.driver;

import com.sun.jna.Pointer;

/**
 * Failure of a call into the CUDA driver or cuBLAS. The message names the call, its status and what
 * it was given.
 */
public final class CudaException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private static final int NO_STATUS = -1;

    private final String call;
    private final int status;
    private final boolean outOfMemory;
    private final boolean deviceLost;

    private CudaException(
            String message, String call, int status, boolean outOfMemory, boolean deviceLost) {
        super(message);
        this.call = call;
        this.status = status;
        this.outOfMemory = outOfMemory;
        this.deviceLost = deviceLost;
    }

    /** The call that failed, such as {@code cuMemAlloc}. */
    public String call() {
        return call;
    }

    /** Status that the call returned; -1 if there is nothing to call. */
    public int status() {
        return status;
    }

    /** True if memory of the device, or locked memory of the host, didn't suffice. */
    public boolean outOfMemory() {
        return outOfMemory;
    }

    /** True if the context is broken: every later call fails, until the process ends. */
    public boolean deviceLost() {
        return deviceLost;
    }

    static CudaException unavailable(String call, String reason) {
        return new CudaException(call + ": " + reason, call, NO_STATUS, false, false);
    }

    static CudaException ofDriver(String call, int status, String facts) {
        return new CudaException(
                driverMessage(call, status, facts), call, status, status == 2, isSticky(status));
    }

    static String driverMessage(String call, int status, String facts) {
        return message(call, status, driverName(status), facts);
    }

    static CudaException ofCublas(String call, int status, String facts) {
        return new CudaException(
                message(call, status, cublasName(status), facts), call, status, status == 3, false);
    }

    /** Turns a status of the driver into an exception; nothing if it says success. */
    static void check(int status, String call) {
        if (status != DriverCalls.SUCCESS) {
            throw ofDriver(call, status, "");
        }
    }

    // Errors after which the driver's context refuses all work.
    private static boolean isSticky(int status) {
        return switch (status) {
            case 46, 214, 220, 226 -> true; // the device is gone, or its memory is damaged
            case 700, 702, 709, 710 -> true; // a kernel's fault, its timeout, the context's end
            case 714, 715, 716, 717, 718, 719, 721 -> true; // a kernel's fault
            case 999 -> true;
            default -> false;
        };
    }

    private static String message(String call, int status, String name, String facts) {
        return "%s status=%d (%s) %s".formatted(call, status, name, facts).stripTrailing();
    }

    private static String driverName(int status) {
        long[] text = new long[1];
        if (!DriverCalls.availability().ready()
                || DriverCalls.cuGetErrorName(status, text) != DriverCalls.SUCCESS) {
            return "unknown";
        }
        return new Pointer(text[0]).getString(0);
    }

    private static String cublasName(int status) {
        return switch (status) {
            case 1 -> "CUBLAS_STATUS_NOT_INITIALIZED";
            case 3 -> "CUBLAS_STATUS_ALLOC_FAILED";
            case 7 -> "CUBLAS_STATUS_INVALID_VALUE";
            case 8 -> "CUBLAS_STATUS_ARCH_MISMATCH";
            case 11 -> "CUBLAS_STATUS_MAPPING_ERROR";
            case 13 -> "CUBLAS_STATUS_EXECUTION_FAILED";
            case 14 -> "CUBLAS_STATUS_INTERNAL_ERROR";
            case 15 -> "CUBLAS_STATUS_NOT_SUPPORTED";
            default -> "unknown";
        };
    }
}
