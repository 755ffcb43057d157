// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.dataplane;

import io.kvlink.spi.Availability;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import java.util.Optional;

/** The place of a plane over CUDA IPC, between processes of one host. This version has none. */
record CudaIpcPlaneFactory(GpuProbe probe, Optional<GpuPlaneConfig> gpu)
        implements DataPlaneFactory {

    @Override
    public String name() {
        return "cuda-ipc";
    }

    @Override
    public Availability availability() {
        String missing = probe.missingForCuda();
        if (missing.isEmpty()) {
            missing =
                    gpu.isEmpty()
                            ? "the engine keeps KV in host memory"
                            : "this version has no cuda-ipc plane";
        }
        return Availability.missing(missing);
    }

    @Override
    public DataPlane open() {
        throw new KvConnectorException(
                KvError.UNAVAILABLE, "plane=cuda-ipc: " + availability().reason());
    }
}
