// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

import java.time.Duration;

final class NcclChurnGpuIT extends ChurnCases {
    NcclChurnGpuIT() {
        super("nccl", 2, Duration.ofSeconds(20), 50);
    }

    // NCCL 2.28.3 alone: 1.7 MiB resident for each pair of communicators that is made, used once
    // and
    // destroyed, over 45 of them (docs/benchmarks.md). Device memory, files and threads come back.
    @Override
    long keptByLibrary() {
        return 2L << 20;
    }
}
