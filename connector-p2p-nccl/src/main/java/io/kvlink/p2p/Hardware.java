// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

import io.kvlink.p2p.internal.cuda.CudaDevice;
import io.kvlink.p2p.internal.cuda.JavaCppDevice;
import io.kvlink.p2p.internal.plane.DataPlane;
import io.kvlink.p2p.internal.plane.pull.GpuPlaneConfig;
import io.kvlink.p2p.internal.plane.tcp.TcpPlaneConfig;
import io.kvlink.p2p.internal.planes.DataPlanes;
import java.util.List;
import java.util.Optional;

/** Opener of the GPU and the planes of a machine; tests bring one of their own. */
interface Hardware {

    /** The machine this process runs on. */
    Hardware THIS =
            new Hardware() {
                @Override
                public CudaDevice openDevice(int ordinal) {
                    return JavaCppDevice.open(ordinal);
                }

                @Override
                public List<DataPlane> openPlanes(
                        TcpPlaneConfig tcp, Optional<GpuPlaneConfig> gpu, String setting) {
                    return DataPlanes.standard(tcp, gpu).open(setting);
                }
            };

    /** Opens a GPU, with the calling thread attached; the caller closes it. */
    CudaDevice openDevice(int ordinal);

    /** Opens the planes that a setting asks for, the best first; the caller closes them. */
    List<DataPlane> openPlanes(TcpPlaneConfig tcp, Optional<GpuPlaneConfig> gpu, String setting);
}
