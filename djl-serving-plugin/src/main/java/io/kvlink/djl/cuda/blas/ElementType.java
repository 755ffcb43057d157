// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda.blas;

/** Types of the elements that kernels and matrix products work on. */
public enum ElementType {
    F32(4, 0),
    F16(2, 2),
    BF16(2, 14);

    private final int bytes;
    private final int cudaCode;

    ElementType(int bytes, int cudaCode) {
        this.bytes = bytes;
        this.cudaCode = cudaCode;
    }

    /** Bytes of one element. */
    public int bytes() {
        return bytes;
    }

    /** Value of {@code cudaDataType}. */
    int cudaCode() {
        return cudaCode;
    }
}
