// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.process;

import org.junit.jupiter.api.Nested;

final class StreamOrderGpuIT {

    @Nested
    final class CudaIpc extends StreamOrderCases {
        CudaIpc() {
            super("cuda-ipc", 1);
        }
    }

    @Nested
    final class Nccl extends StreamOrderCases {
        Nccl() {
            super("nccl", 2);
        }
    }
}
