// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import io.kvlink.p2p.internal.cuda.FakeCuda;
import io.kvlink.p2p.internal.cuda.FakeNccl;
import io.kvlink.p2p.internal.planes.GpuPlanes;

/** Opens the planes that a test is about, on a fake machine. */
public interface GpuWiring {

    /** A plane in a process of its own. */
    GpuPlane open(GpuPlaneConfig config, ProcessIdentity process, PullSizes sizes, long unusedNs);

    /** Planes over a fake NCCL. */
    static GpuWiring nccl(FakeCuda machine) {
        FakeNccl nccl = new FakeNccl(machine);
        return (config, process, sizes, unusedNs) ->
                GpuPlanes.openNccl(
                        config,
                        nccl.open(config.device()),
                        process,
                        sizes,
                        unusedNs,
                        new PullTurns(sizes.groupBytes()));
    }
}
