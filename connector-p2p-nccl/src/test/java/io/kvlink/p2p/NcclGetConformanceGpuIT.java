// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

final class NcclGetConformanceGpuIT extends GpuConformance {
    NcclGetConformanceGpuIT() {
        super(SendType.GET, "nccl", 9, 2);
    }
}
