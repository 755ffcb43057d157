// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.process;

import java.time.Duration;
import org.junit.jupiter.api.Nested;

/**
 * Churn between GPUs. NCCL 2.28.3 alone keeps 1.7 MiB for each pair of communicators that is made,
 * used once and destroyed, over 45 of them (docs/benchmarks.md). Device memory, files and threads
 * come back.
 */
final class ChurnGpuIT {

    @Nested
    final class CudaIpc extends ChurnCases {
        CudaIpc() {
            super("cuda-ipc", 1, Duration.ofSeconds(10), 50, 0);
        }
    }

    @Nested
    final class Nccl extends ChurnCases {
        Nccl() {
            super("nccl", 2, Duration.ofSeconds(20), 50, 2 << 20);
        }
    }
}
