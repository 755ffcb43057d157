// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

final class CudaIpcPutConformanceGpuIT extends GpuConformance {
    CudaIpcPutConformanceGpuIT() {
        super(SendType.PUT, "cuda-ipc", 3, 1);
    }
}
