// SPDX-License-Identifier: Apache-2.0
package io.kvlink.cuda;

/**
 * Work of a stream that was recorded once and is launched again and again. A graph runs once at a
 * time, in the order of its launches. One thread, attached to the device; whoever captured it
 * closes it.
 */
public final class CudaGraph implements AutoCloseable {

    private static final int CAPTURE_THREAD_LOCAL = 1;

    private final long exec;
    private boolean closed;

    private CudaGraph(long exec) {
        this.exec = exec;
    }

    /**
     * Records work instead of running it.
     *
     * @param device open, and attached to the calling thread
     * @param stream of that device
     * @param work enqueues on the stream, on the calling thread
     * @return what was recorded, ready to be launched
     * @throws CudaException if what was enqueued can't be captured; the capture has ended then, as
     *     it has if {@code work} throws
     */
    public static CudaGraph capture(Gpu device, long stream, Runnable work) {
        device.requireOpen();
        CudaException.check(
                DriverCalls.cuStreamBeginCapture_v2(stream, CAPTURE_THREAD_LOCAL),
                "cuStreamBeginCapture");
        try {
            work.run();
        } catch (RuntimeException | Error cause) {
            abandon(stream);
            throw cause;
        }
        return end(stream);
    }

    private static CudaGraph end(long stream) {
        long[] graph = new long[1];
        CudaException.check(DriverCalls.cuStreamEndCapture(stream, graph), "cuStreamEndCapture");
        long[] exec = new long[1];
        int made = DriverCalls.cuGraphInstantiateWithFlags(exec, graph[0], 0);
        int destroyed = DriverCalls.cuGraphDestroy(graph[0]);
        CudaException.check(made, "cuGraphInstantiate");
        CudaException.check(destroyed, "cuGraphDestroy");
        return new CudaGraph(exec[0]);
    }

    // Throws nothing: the cause of the end is thrown.
    private static void abandon(long stream) {
        long[] graph = new long[1];
        int ended = DriverCalls.cuStreamEndCapture(stream, graph);
        if (ended == DriverCalls.SUCCESS && graph[0] != 0) {
            int destroyed = DriverCalls.cuGraphDestroy(graph[0]);
            assert destroyed == DriverCalls.SUCCESS : "cuGraphDestroy status=" + destroyed;
        }
    }

    /** Enqueues what was recorded. */
    public void launch(long stream) {
        CudaException.check(DriverCalls.cuGraphLaunch(exec, stream), "cuGraphLaunch");
    }

    /**
     * Destroys the graph; a launch that runs goes on to its end. Closing again does nothing.
     *
     * @throws CudaException if the driver refuses
     */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            CudaException.check(DriverCalls.cuGraphExecDestroy(exec), "cuGraphExecDestroy");
        }
    }
}
