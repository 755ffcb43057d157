// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

final class CudaIpcPutAsyncConformanceGpuIT extends GpuConformance {
    CudaIpcPutAsyncConformanceGpuIT() {
        super(SendType.PUT_ASYNC, "cuda-ipc", 3, 1);
    }
}
