// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

import java.time.Duration;

final class CudaIpcKillGpuIT extends KillCases {
    CudaIpcKillGpuIT() {
        super("cuda-ipc", 1, Duration.ofSeconds(10));
    }
}
