// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda.driver;

import io.kvlink.spi.Availability;

/**
 * The functions of cuBLAS, as {@code cublas_api.h} declares them. A pointer, a handle and a {@code
 * size_t} are a {@code long}. One thread for each handle.
 */
@SuppressWarnings("MemberName") // C's names.
final class CublasCalls {

    // The default mode, but for sums in the type of the result.

    static final int WIDE_SUMS = 16;
    static final int NO_TRANSPOSE = 0;
    static final int TRANSPOSE = 1;
    static final int COMPUTE_32F = 68;
    static final int GEMM_DEFAULT = -1;

    /** Bound once, when it is first asked for. */
    private static final class Probe {
        static final Availability AVAILABILITY =
                NativeLibraries.bind(CublasCalls.class, CublasSearch.candidates());
    }

    private CublasCalls() {}

    /**
     * Tells whether there is a cuBLAS with all of these functions. None is called unless there is.
     */
    static Availability availability() {
        return Probe.AVAILABILITY;
    }

    static native int cublasCreate_v2(long[] handle);

    static native int cublasDestroy_v2(long handle);

    static native int cublasSetStream_v2(long handle, long stream);

    static native int cublasSetWorkspace_v2(long handle, long workspace, long bytes);

    static native int cublasSetMathMode(long handle, int mode);

    static native int cublasGemmEx(
            long handle,
            int transposeA,
            int transposeB,
            int m,
            int n,
            int k,
            long alpha,
            long a,
            int typeA,
            int leadingA,
            long b,
            int typeB,
            int leadingB,
            long beta,
            long c,
            int typeC,
            int leadingC,
            int computeType,
            int algorithm);
}
