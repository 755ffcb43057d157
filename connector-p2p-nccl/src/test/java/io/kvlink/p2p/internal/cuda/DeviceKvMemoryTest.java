// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.AfterEach;

final class DeviceKvMemoryTest extends DeviceKvMemoryContract {

    private static final long STREAM = 77;

    private final FakeProcess process = new FakeCuda(1, 3).newProcess();

    @Override
    DeviceKvMemory open() {
        CudaDevice device = process.open(0);
        return new DeviceKvMemory(device, device.stream(STREAM), STREAM, () -> {});
    }

    @AfterEach
    void givesAllBack() {
        assertThat(process.leaks()).isEmpty();
    }
}
