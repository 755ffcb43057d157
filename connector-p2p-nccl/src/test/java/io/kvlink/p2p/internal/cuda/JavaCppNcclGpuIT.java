// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

import io.kvlink.p2p.internal.planes.Gpus;

/** NCCL itself keeps the contract, between two GPUs of one process. */
class JavaCppNcclGpuIT extends NcclContract {

    @Override
    Node open(int rank) {
        Gpus.assume(2);
        JavaCppDevice device = JavaCppDevice.open(rank);
        return new Node(device, JavaCppNccl.open(device));
    }
}
