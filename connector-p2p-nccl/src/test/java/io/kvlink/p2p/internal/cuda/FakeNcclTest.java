// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.AfterEach;

/** The fake keeps the contract, and leaves nothing. */
class FakeNcclTest extends NcclContract {

    private final FakeCuda cuda = new FakeCuda(2, System.nanoTime());
    private final FakeNccl nccl = new FakeNccl(cuda);
    private final FakeProcess[] processes = {cuda.newProcess(), cuda.newProcess()};

    @Override
    Node open(int rank) {
        cuda.stepsPerPoll(1);
        CudaDevice device = processes[rank].open(rank);
        return new Node(device, nccl.open(device));
    }

    @AfterEach
    @Override
    void closeAll() {
        super.closeAll();
        for (FakeProcess process : processes) {
            assertThat(process.leaks()).isEmpty();
            assertThat(nccl.communicators(process)).isZero();
            for (int gpu = 0; gpu < 2; gpu++) {
                assertThat(process.open(gpu).freeBytes()).isEqualTo(FakeCuda.GPU_BYTES);
            }
        }
        assertThat(cuda.failures()).isEmpty();
    }
}
