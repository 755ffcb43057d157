// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

import java.time.Duration;

final class NcclKillGpuIT extends KillCases {
    NcclKillGpuIT() {
        super("nccl", 2, Duration.ofSeconds(20));
    }
}
