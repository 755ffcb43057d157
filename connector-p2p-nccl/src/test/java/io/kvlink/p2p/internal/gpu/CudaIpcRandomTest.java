// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.gpu;

import io.kvlink.p2p.internal.cuda.FakeCuda;

final class CudaIpcRandomTest extends GpuRandomContract {

    @Override
    GpuWiring wiring(FakeCuda onMachine) {
        return GpuPlanes::openCudaIpc;
    }
}
