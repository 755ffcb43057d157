// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.cudaipc;

import io.kvlink.p2p.internal.cuda.FakeCuda;
import io.kvlink.p2p.internal.plane.pull.GpuPlaneEndsContract;
import io.kvlink.p2p.internal.plane.pull.GpuWiring;
import io.kvlink.p2p.internal.planes.GpuPlanes;

final class CudaIpcEndsTest extends GpuPlaneEndsContract {

    @Override
    protected GpuWiring wiring(FakeCuda onMachine) {
        return GpuPlanes::openCudaIpc;
    }
}
