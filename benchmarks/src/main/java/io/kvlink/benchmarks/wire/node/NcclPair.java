// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.wire.node;

import io.kvlink.p2p.internal.cuda.CudaStream;
import io.kvlink.p2p.internal.cuda.DriverDevice;
import io.kvlink.p2p.internal.cuda.JavaCppNccl;
import io.kvlink.p2p.internal.cuda.NcclCommunicator;
import io.kvlink.p2p.internal.cuda.NcclLibrary;
import io.kvlink.p2p.internal.cuda.NcclState;
import java.util.concurrent.TimeUnit;

/** One of two NCCL ranks, without a connector. One thread; it waits where NCCL has to. */
final class NcclPair implements AutoCloseable {

    private static final long LIMIT_NS = TimeUnit.SECONDS.toNanos(30);

    private final NcclLibrary library;
    private final NcclCommunicator communicator;
    private final FloorMemory memory;

    /**
     * Makes the communicator, together with the other rank.
     *
     * @param memory for the messages; closed by this
     */
    NcclPair(DriverDevice device, byte[] uniqueId, int rank, int channels, FloorMemory memory) {
        this.memory = memory;
        library = JavaCppNccl.open(device);
        communicator = library.init(uniqueId, rank, channels);
        awaitReady();
    }

    /** Enqueues messages of equal size, as one group. */
    void move(boolean send, long bytes, int messages, CudaStream stream) {
        library.groupStart();
        for (int i = 0; i < messages; i++) {
            long at = memory.base() + i * memory.stride();
            if (send) {
                communicator.send(at, bytes, stream);
            } else {
                communicator.receive(at, bytes, stream);
            }
        }
        library.groupEnd();
        awaitReady();
    }

    private void awaitReady() {
        long startNs = System.nanoTime();
        NcclState state = communicator.state();
        while (!state.ready()) {
            if (state.failed() || System.nanoTime() - startNs > LIMIT_NS) {
                throw new IllegalStateException("NCCL isn't ready: " + state);
            }
            Thread.onSpinWait();
            state = communicator.state();
        }
    }

    @Override
    public void close() {
        communicator.destroy();
        long startNs = System.nanoTime();
        while (!communicator.released()) {
            if (System.nanoTime() - startNs > LIMIT_NS) {
                throw new IllegalStateException("NCCL doesn't end its communicator");
            }
            Thread.onSpinWait();
        }
        memory.close();
    }
}
