// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

import io.kvlink.p2p.internal.planes.Gpus;

final class DeviceKvMemoryGpuIT extends DeviceKvMemoryContract {

    @Override
    DeviceKvMemory open() {
        Gpus.assume(1);
        return DeviceKvMemory.of(0);
    }
}
