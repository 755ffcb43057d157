// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.gpu;

import io.kvlink.p2p.internal.cuda.FakeCuda;

final class NcclPlaneEndsTest extends GpuPlaneEndsContract {

    @Override
    GpuWiring wiring(FakeCuda onMachine) {
        return GpuWiring.nccl(onMachine);
    }
}
