// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.process;

import java.time.Duration;
import org.junit.jupiter.api.Nested;

final class KillGpuIT {

    @Nested
    final class CudaIpc extends KillCases {
        CudaIpc() {
            super("cuda-ipc", 1, Duration.ofSeconds(10));
        }
    }

    @Nested
    final class Nccl extends KillCases {
        Nccl() {
            super("nccl", 2, Duration.ofSeconds(20));
        }
    }
}
