// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.nccl;

import io.kvlink.p2p.internal.cuda.FakeCuda;
import io.kvlink.p2p.internal.plane.pull.GpuPlaneEndsContract;
import io.kvlink.p2p.internal.plane.pull.GpuWiring;

final class NcclPlaneEndsTest extends GpuPlaneEndsContract {

    @Override
    protected GpuWiring wiring(FakeCuda onMachine) {
        return GpuWiring.nccl(onMachine);
    }
}
