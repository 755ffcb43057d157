// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

import io.kvlink.p2p.internal.cuda.CudaDevice;
import io.kvlink.p2p.internal.plane.DataPlane;
import io.kvlink.p2p.internal.plane.pull.GpuPlaneConfig;
import io.kvlink.p2p.internal.plane.tcp.TcpPlaneConfig;
import io.kvlink.spi.KvConnectorProvider;
import java.util.List;
import java.util.Optional;

/** The conformance suite where loads begin while layers travel, as between GPUs. */
abstract class EarlyLoopback extends P2pConformance {

    EarlyLoopback(SendType sendType) {
        super(sendType, "loopback");
    }

    @Override
    protected KvConnectorProvider provider() {
        return new P2pNcclConnectorProvider(
                new Hardware() {
                    @Override
                    public CudaDevice openDevice(int ordinal) {
                        throw new IllegalStateException("device=" + ordinal);
                    }

                    @Override
                    public List<DataPlane> openPlanes(
                            TcpPlaneConfig tcp, Optional<GpuPlaneConfig> gpu, String setting) {
                        return THIS.openPlanes(tcp, gpu, setting).stream()
                                .map(EarlyLoopback::early)
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
}
