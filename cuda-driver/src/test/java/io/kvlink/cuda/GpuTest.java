// SPDX-License-Identifier: Apache-2.0
package io.kvlink.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GpuTest {

    @Test
    void shouldSayWhyThereIsNoDevice() {
        assumeFalse(Gpu.availability().ready(), "there is a GPU");

        assertThat(Gpu.availability().reason()).containsAnyOf("libcuda.so.1", "cuInit");
        assertThatThrownBy(() -> Gpu.open(0))
                .isInstanceOf(CudaException.class)
                .hasMessage("cuInit: " + Gpu.availability().reason());
    }

    @ParameterizedTest
    @CsvSource({
        "2, true, false",
        "1, false, false",
        "700, false, true",
        "701, false, false",
        "702, false, true",
        "713, false, false",
        "714, false, true",
        "719, false, true",
        "720, false, false",
        "901, false, false",
        "214, false, true",
        "999, false, true"
    })
    void shouldTellWhatAStatusMeans(int status, boolean outOfMemory, boolean deviceLost) {
        CudaException thrown = CudaException.ofDriver("cuMemAlloc", status, "bytes=3");

        assertThat(thrown.outOfMemory()).isEqualTo(outOfMemory);
        assertThat(thrown.deviceLost()).isEqualTo(deviceLost);
        assertThat(thrown.status()).isEqualTo(status);
        assertThat(thrown.call()).isEqualTo("cuMemAlloc");
        assertThat(thrown).hasMessageStartingWith("cuMemAlloc status=" + status + " (");
        assertThat(thrown).hasMessageEndingWith(") bytes=3");
    }

    @Test
    void shouldTellOfALibraryOverTheDriver() {
        CudaException thrown = CudaException.ofLibrary("cublasCreate", 3, "ALLOC", "", true);

        assertThat(thrown).hasMessage("cublasCreate status=3 (ALLOC)");
        assertThat(thrown.outOfMemory()).isTrue();
        assertThat(thrown.deviceLost()).isFalse();
    }
}
