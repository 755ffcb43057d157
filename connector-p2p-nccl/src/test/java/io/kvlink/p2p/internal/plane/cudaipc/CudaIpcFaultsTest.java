// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.cudaipc;

import io.kvlink.p2p.internal.cuda.FakeCuda;
import io.kvlink.p2p.internal.plane.pull.GpuPlaneFaultsContract;
import io.kvlink.p2p.internal.plane.pull.GpuWiring;
import io.kvlink.p2p.internal.planes.GpuPlanes;

final class CudaIpcFaultsTest extends GpuPlaneFaultsContract {

    @Override
    protected GpuWiring wiring(FakeCuda onMachine) {
        return GpuPlanes::openCudaIpc;
    }
}
