// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.nccl;

import io.kvlink.p2p.internal.cuda.CudaDevice;
import io.kvlink.p2p.internal.cuda.DriverDevice;
import io.kvlink.p2p.internal.cuda.JavaCppNccl;
import io.kvlink.p2p.internal.cuda.NcclLibrary;
import io.kvlink.p2p.internal.planes.Gpus;

/** Links between two GPUs of one process. */
class NcclPairGpuIT extends NcclPairContract {

    @Override
    CudaDevice openDevice(int ordinal) {
        Gpus.assume(2);
        return DriverDevice.open(ordinal);
    }

    @Override
    NcclLibrary openLibrary(CudaDevice device) {
        return JavaCppNccl.open((DriverDevice) device);
    }
}
