// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks;

import static io.kvlink.benchmarks.DriverCalls.check;

import io.kvlink.p2p.internal.cuda.CudaStream;
import io.kvlink.p2p.internal.cuda.DriverDevice;
import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.global.cudart;

/** A stream of its own, timed by the GPU, for transfers without a connector. One thread. */
final class DeviceFloor implements AutoCloseable {

    /** Something to enqueue. */
    interface Work {
        void enqueue(CudaStream stream);
    }

    private static final int WARM_UPS = 5;
    private static final int BATCHES = 5;

    private final CUstream_st handle = new CUstream_st();
    private final CUevent_st start = new CUevent_st();
    private final CUevent_st end = new CUevent_st();
    private final CudaStream stream;

    DeviceFloor(DriverDevice gpu) {
        check(cudart.cuStreamCreate(handle, cudart.CU_STREAM_NON_BLOCKING), "cuStreamCreate");
        check(cudart.cuEventCreate(start, cudart.CU_EVENT_DEFAULT), "cuEventCreate");
        check(cudart.cuEventCreate(end, cudart.CU_EVENT_DEFAULT), "cuEventCreate");
        stream = gpu.stream(handle.address());
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
            Waits.spinUntil(System.nanoTime() + headStartNs);
            long beforeNs = System.nanoTime();
            double took = timed(work, 1);
            if (round >= 0) {
                ms[round] = took;
                wallMs[round] = (System.nanoTime() - beforeNs) / 1e6;
            }
        }
        double[] batchMs = new double[BATCHES];
        for (int i = 0; i < BATCHES; i++) {
            Waits.spinUntil(System.nanoTime() + headStartNs);
            batchMs[i] = timed(work, batch) / batch;
        }
        return new FloorTimes(ms, wallMs, Spread.of(batchMs).p50(), Double.NaN);
    }

    private double timed(Work work, int times) {
        check(cudart.cuEventRecord(start, handle), "cuEventRecord");
        for (int i = 0; i < times; i++) {
            work.enqueue(stream);
        }
        check(cudart.cuEventRecord(end, handle), "cuEventRecord");
        check(cudart.cuEventSynchronize(end), "cuEventSynchronize");
        float[] ms = new float[1];
        check(cudart.cuEventElapsedTime(ms, start, end), "cuEventElapsedTime");
        return ms[0];
    }

    @Override
    public void close() {
        check(cudart.cuEventDestroy(start), "cuEventDestroy");
        check(cudart.cuEventDestroy(end), "cuEventDestroy");
        check(cudart.cuStreamDestroy(handle), "cuStreamDestroy");
    }
}
