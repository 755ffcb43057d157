// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

final class CudaIpcStreamOrderGpuIT extends StreamOrderCases {
    CudaIpcStreamOrderGpuIT() {
        super("cuda-ipc", 1);
    }
}
