// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

final class CudaIpcGetConformanceGpuIT extends GpuConformance {
    CudaIpcGetConformanceGpuIT() {
        super(SendType.GET, "cuda-ipc", 3, 1);
    }
}
