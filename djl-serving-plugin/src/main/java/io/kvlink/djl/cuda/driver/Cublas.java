// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda.driver;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import io.kvlink.spi.Availability;

/**
 * Matrix products on one device and one stream at a time. One thread, attached to the device;
 * whoever opened it closes it. Products may be captured into a graph.
 */
public final class Cublas implements AutoCloseable {

    private static final long ONE = 0;
    private static final long ZERO = Float.BYTES;

    private final long handle;
    private final long workspace;
    private final long workspaceBytes;
    private final Memory factors;
    private boolean closed;

    private Cublas(long handle, long workspace, long workspaceBytes) {
        this.handle = handle;
        this.workspace = workspace;
        this.workspaceBytes = workspaceBytes;
        factors = new Memory(2 * Float.BYTES);
        factors.setFloat(ONE, 1);
        factors.setFloat(ZERO, 0);
    }

    /** Tells whether cuBLAS can be called; loads it when first asked. */
    public static Availability availability() {
        return CublasCalls.availability();
    }

    /**
     * Opens cuBLAS. Products are computed in float32 throughout, without TF32, and parts of a sum
     * are added in float32 too.
     *
     * @param device open, and attached to the calling thread
     * @param workspaceAddress device memory, a multiple of 256; it stays the caller's and outlives
     *     this
     * @param workspaceBytes 0 lets cuBLAS take memory of its own
     * @throws CudaException if cuBLAS is missing or refuses
     */
    public static Cublas open(CudaDevice device, long workspaceAddress, long workspaceBytes) {
        device.requireOpen();
        Availability availability = availability();
        if (!availability.ready()) {
            throw CudaException.unavailable("cublasCreate", availability.reason());
        }
        long[] handle = new long[1];
        check(CublasCalls.cublasCreate_v2(handle), "cublasCreate");
        Cublas cublas = new Cublas(handle[0], workspaceAddress, workspaceBytes);
        try {
            check(
                    CublasCalls.cublasSetMathMode(handle[0], CublasCalls.WIDE_SUMS),
                    "cublasSetMathMode");
            cublas.setWorkspace();
        } catch (CudaException refused) {
            cublas.close();
            throw refused;
        }
        return cublas;
    }

    /** Makes the next products run on a stream. */
    public void setStream(long stream) {
        check(CublasCalls.cublasSetStream_v2(handle, stream), "cublasSetStream");
        // The call before takes the workspace away.
        setWorkspace();
    }

    /**
     * Enqueues {@code y = x · weightsᵀ}, or adds that to {@code y}. All matrices are row-major, and
     * so lie transposed for cuBLAS.
     *
     * @param in type of the weights and of x
     * @param out type of y: {@code in}, or float32
     * @param outs columns of y and rows of the weights
     * @param rows of x and y
     * @param ins columns of x and of the weights
     * @param weights address of {@code [outs, ins]}
     * @param x address of {@code [rows, ins]}
     * @param y address of {@code [rows, yStride]}, of which {@code outs} columns are written
     * @param yStride elements from one row of y to the next
     * @param add whether y's elements are added to
     * @throws CudaException if cuBLAS refuses
     */
    public void gemm(
            ElementType in,
            ElementType out,
            int outs,
            int rows,
            int ins,
            long weights,
            long x,
            long y,
            int yStride,
            boolean add) {
        long one = Pointer.nativeValue(factors) + ONE;
        int status =
                CublasCalls.cublasGemmEx(
                        handle,
                        CublasCalls.TRANSPOSE,
                        CublasCalls.NO_TRANSPOSE,
                        outs,
                        rows,
                        ins,
                        one,
                        weights,
                        in.cudaCode(),
                        ins,
                        x,
                        in.cudaCode(),
                        ins,
                        add ? one : Pointer.nativeValue(factors) + ZERO,
                        y,
                        out.cudaCode(),
                        yStride,
                        CublasCalls.COMPUTE_32F,
                        CublasCalls.GEMM_DEFAULT);
        if (status != DriverCalls.SUCCESS) {
            throw CudaException.ofCublas(
                    "cublasGemmEx",
                    status,
                    "in=%s out=%s outs=%d rows=%d ins=%d yStride=%d"
                            .formatted(in, out, outs, rows, ins, yStride));
        }
    }

    /** Frees what cuBLAS holds; closing again does nothing. Waits for the products in flight. */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            check(CublasCalls.cublasDestroy_v2(handle), "cublasDestroy");
        }
    }

    private void setWorkspace() {
        if (workspaceBytes > 0) {
            check(
                    CublasCalls.cublasSetWorkspace_v2(handle, workspace, workspaceBytes),
                    "cublasSetWorkspace");
        }
    }

    private static void check(int status, String call) {
        if (status != DriverCalls.SUCCESS) {
            throw CudaException.ofCublas(call, status, "");
        }
    }
}
