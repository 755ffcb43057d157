// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import io.kvlink.cuda.CudaException;
import io.kvlink.cuda.Gpu;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import org.junit.jupiter.api.Test;

class DriverDeviceTest {

    @Test
    void shouldSayWhyThereIsNoDevice() {
        assumeFalse(Gpu.availability().ready(), "there is a GPU");

        assertThatThrownBy(() -> DriverDevice.open(0))
                .isInstanceOf(KvConnectorException.class)
                .hasMessage("UNAVAILABLE(5): " + Gpu.availability().reason());
        assertThatThrownBy(DriverDevice::count).isInstanceOf(KvConnectorException.class);
    }

    @Test
    void shouldTellARefusalAsThePortPromises() {
        CudaException refused =
                CudaException.ofLibrary("cuMemAlloc", 2, "OUT_OF_MEMORY", "bytes=3", true);

        KvConnectorException told = DriverDevice.refusal(refused, "device=1");

        assertThat(told.error()).isEqualTo(KvError.NATIVE_CALL_FAILED);
        assertThat(told)
                .hasMessage(
                        "NATIVE_CALL_FAILED(300): cuMemAlloc status=2 (OUT_OF_MEMORY) bytes=3 device=1")
                .hasCause(refused);
    }
}
