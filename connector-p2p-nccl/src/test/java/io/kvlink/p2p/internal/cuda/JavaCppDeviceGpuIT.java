// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.planes.Gpus;
import java.nio.ByteBuffer;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** A real GPU keeps the contract. */
class JavaCppDeviceGpuIT extends CudaDeviceContract {

    @Override
    CudaDevice openDevice() {
        Gpus.assume(1);
        return JavaCppDevice.open(0);
    }

    /** A kernel of one GPU writes to another one's memory. */
    @Test
    void runsGoToAnotherGpuOnceItIsEnabled() {
        Gpus.assume(2);
        int bytes = 1 << 20;
        ByteBuffer source = ByteBuffer.allocateDirect(bytes);
        new Random(1).ints(bytes / 4).forEach(source::putInt);
        source.clear();
        ByteBuffer copy = ByteBuffer.allocateDirect(bytes);
        try (JavaCppDevice second = JavaCppDevice.open(1)) {
            long to = second.allocate(bytes);
            try (JavaCppDevice first = JavaCppDevice.open(0);
                    CudaStream stream = first.newStream();
                    CudaEvent end = first.newEvent();
                    RunCopier copier = first.newRunCopier(RunCopier.WIDE)) {
                assertThat(first.canReach(second.uuid())).isTrue();
                assertThat(first.uuid()).isNotEqualTo(second.uuid());
                first.enablePeer(second.uuid());
                first.enablePeer(second.uuid());
                long from = first.allocate(bytes);
                long sourceAt = first.pageLocker().lock(source);
                long copyAt = first.pageLocker().lock(copy);
                first.copy(sourceAt, from, bytes, stream);
                copier.add(from + 1, to + 1, bytes - 1, stream);
                copier.add(from, to, 1, stream);
                copier.flush(stream);
                first.copy(to, copyAt, bytes, stream);
                first.record(end, stream);
                first.synchronize(end);
                assertThat(copy).isEqualTo(source);
                first.pageLocker().unlock(sourceAt);
                first.pageLocker().unlock(copyAt);
                first.free(from);
            }
            second.attach();
            second.free(to);
        }
    }
}
