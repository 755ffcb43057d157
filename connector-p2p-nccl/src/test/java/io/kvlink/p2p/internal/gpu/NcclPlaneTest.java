// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.gpu;

import io.kvlink.p2p.internal.cuda.FakeCuda;
import io.kvlink.p2p.internal.cuda.FakeNccl;

final class NcclPlaneTest extends GpuPlaneContract {

    private FakeNccl nccl;

    @Override
    GpuWiring wiring(FakeCuda onMachine) {
        nccl = new FakeNccl(onMachine);
        return (config, process, sizes, unusedNs) ->
                GpuPlanes.openNccl(
                        config,
                        nccl.open(config.device()),
                        process,
                        sizes,
                        unusedNs,
                        new PullLane());
    }

    @Override
    int takenByLinks(GpuNode node) {
        return nccl.communicators(node.process); // Their streams are the plane's.
    }
}
