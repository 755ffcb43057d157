// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.nccl;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.cuda.CudaDevice;
import io.kvlink.p2p.internal.cuda.FakeCuda;
import io.kvlink.p2p.internal.cuda.FakeNccl;
import io.kvlink.p2p.internal.cuda.FakeProcess;
import io.kvlink.p2p.internal.cuda.NcclLibrary;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;

/** Links between two processes of a fake machine. */
class NcclPairTest extends NcclPairContract {

    private final FakeCuda cuda = new FakeCuda(2, System.nanoTime());
    private final FakeNccl nccl = new FakeNccl(cuda);
    private final List<FakeProcess> processes = new ArrayList<>();

    @Override
    CudaDevice openDevice(int ordinal) {
        cuda.stepsPerPoll(2);
        processes.add(cuda.newProcess());
        return processes.get(ordinal).open(ordinal);
    }

    @Override
    NcclLibrary openLibrary(CudaDevice device) {
        return nccl.open(device);
    }

    @AfterEach
    @Override
    void closeBoth() {
        super.closeBoth();
        for (FakeProcess process : processes) {
            assertThat(process.leaks()).isEmpty();
            assertThat(nccl.communicators(process)).isZero();
        }
    }
}
