// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

final class NcclPutConformanceGpuIT extends GpuConformance {
    NcclPutConformanceGpuIT() {
        super(SendType.PUT, "nccl", 9, 2);
    }
}
