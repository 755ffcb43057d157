// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda.blas;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import io.kvlink.cuda.CudaException;
import org.junit.jupiter.api.Test;

class CublasTest {

    @Test
    void shouldSayWhyThereIsNoCublas() {
        assumeFalse(Cublas.availability().ready(), "there is cuBLAS");

        assertThat(Cublas.availability().reason()).contains("libcublas.so.13", "libcublas.so.12");
    }

    @Test
    void shouldNameTheStatusOfCublas() {
        CudaException thrown = Cublas.refused("cublasCreate", 3, "");

        assertThat(thrown).hasMessage("cublasCreate status=3 (CUBLAS_STATUS_ALLOC_FAILED)");
        assertThat(thrown.outOfMemory()).isTrue();
        assertThat(Cublas.refused("cublasGemmEx", 13, "rows=2"))
                .hasMessage("cublasGemmEx status=13 (CUBLAS_STATUS_EXECUTION_FAILED) rows=2");
    }
}
