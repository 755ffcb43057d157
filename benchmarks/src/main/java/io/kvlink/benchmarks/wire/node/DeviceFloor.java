// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.wire.node;

import io.kvlink.benchmarks.measure.Spread;
import io.kvlink.cuda.Gpu;
import io.kvlink.p2p.internal.cuda.CudaStream;
import io.kvlink.p2p.internal.cuda.DriverDevice;

/** A stream of its own, timed by the GPU, for transfers without a connector. One thread. */
final class DeviceFloor implements AutoCloseable {

    /** Something to enqueue. */
    interface Work {
        void enqueue(CudaStream stream);
    }

    private static final int WARM_UPS = 5;
    private static final int BATCHES = 5;

    private final Gpu gpu;
    private final long handle;
    private final long start = DriverCalls.newTimer();
    private final long end = DriverCalls.newTimer();
    private final CudaStream stream;

    /** A stream of a device that the calling thread is attached to already, and stays so. */
    DeviceFloor(DriverDevice device) {
        gpu = Gpu.open(device.ordinal());
        handle = gpu.newStream();
        stream = device.stream(handle);
    }

    /**
     * Times work, one piece after the other, and many behind each other.
     *
     * @param work what to time
     * @param rounds how often
     * @param batch how many pieces are enqueued at once, for the time back to back
     * @param headStartNs how long to wait before each, so that a peer is ready
     */
    FloorTimes time(Work work, int rounds, int batch, long headStartNs) {
        double[] ms = new double[rounds];
        double[] wallMs = new double[rounds];
        for (int round = -WARM_UPS; round < rounds; round++) {
            Waits.until(System.nanoTime() + headStartNs, Long.MAX_VALUE);
            long beforeNs = System.nanoTime();
            double took = timed(work, 1);
            if (round >= 0) {
                ms[round] = took;
                wallMs[round] = (System.nanoTime() - beforeNs) / 1e6;
            }
        }
        double[] batchMs = new double[BATCHES];
        for (int i = 0; i < BATCHES; i++) {
            Waits.until(System.nanoTime() + headStartNs, Long.MAX_VALUE);
            batchMs[i] = timed(work, batch) / batch;
        }
        return new FloorTimes(ms, wallMs, Spread.of(batchMs).p50(), Double.NaN);
    }

    private double timed(Work work, int times) {
        gpu.record(start, handle);
        for (int i = 0; i < times; i++) {
            work.enqueue(stream);
        }
        gpu.record(end, handle);
        gpu.synchronize(end);
        return DriverCalls.elapsedMs(start, end);
    }

    @Override
    public void close() {
        gpu.destroyEvent(start);
        gpu.destroyEvent(end);
        gpu.destroyStream(handle);
        gpu.closeAttached();
    }
}
