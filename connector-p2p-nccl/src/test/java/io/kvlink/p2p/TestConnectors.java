// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

import io.kvlink.p2p.internal.cuda.CudaDevice;
import io.kvlink.p2p.internal.cuda.FakeProcess;
import io.kvlink.p2p.internal.plane.DataPlane;
import io.kvlink.p2p.internal.plane.pull.GpuPlaneConfig;
import io.kvlink.p2p.internal.plane.tcp.TcpPlaneConfig;
import io.kvlink.p2p.internal.planes.GpuPlanes;
import io.kvlink.spi.KvConnectorProvider;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;

/** Providers of connectors on machines of the tests. */
public final class TestConnectors {

    private TestConnectors() {}

    /** Connectors on the host that load while layers still travel. */
    public static KvConnectorProvider thatLoadEarly() {
        return new P2pNcclConnectorProvider(
                new DevicesAndPlanes() {
                    @Override
                    public CudaDevice openDevice(int ordinal) {
                        throw new IllegalStateException("device=" + ordinal);
                    }

                    @Override
                    public List<DataPlane> openPlanes(
                            TcpPlaneConfig tcp, Optional<GpuPlaneConfig> gpu, String setting) {
                        return THIS.openPlanes(tcp, gpu, setting).stream()
                                .map(TestConnectors::early)
                                .toList();
                    }
                });
    }

    private static DataPlane early(DataPlane plane) {
        return new WrappedPlane(plane) {
            @Override
            public boolean arrivesSoon() {
                return true;
            }
        };
    }

    /** Connectors on simulated GPUs, over the plane that copies into the receiver's memory. */
    public static KvConnectorProvider onFakeGpus(FakeProcess process) {
        return new P2pNcclConnectorProvider(
                new GpuEngine.Machine(process, UnaryOperator.identity(), GpuPlanes::openCudaIpc));
    }
}
