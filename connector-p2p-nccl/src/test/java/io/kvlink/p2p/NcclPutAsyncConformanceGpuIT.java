// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

final class NcclPutAsyncConformanceGpuIT extends GpuConformance {
    NcclPutAsyncConformanceGpuIT() {
        super(SendType.PUT_ASYNC, "nccl", 9, 2);
    }
}
