// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * A machine with GPUs and processes, all in one JVM. Enqueued work runs only when a test steps (or
 * a poll does, see {@link #stepsPerPoll}), one operation at a time, in an order that a seed
 * decides; but each stream in its own order, and not before the events that it awaits.
 *
 * <p>An access to memory that isn't there when the operation runs breaks the process, as CUDA's
 * illegal address does: {@link #step} throws, and so does each later call of that process.
 * Thread-safe.
 */
public final class FakeCuda {

    static final long GPU_BYTES = 1L << 30;

    /** Held by whoever reads or changes anything of this machine. */
    final Object lock = new Object();

    final Random random;
    final FakeMemory memory;
    final boolean[][] unreachable;
    private final long seed;
    private final List<FakeProcess> processes = new ArrayList<>();
    private final List<FakeStream> streams = new ArrayList<>();
    private final List<KvConnectorException> failures = new ArrayList<>();
    private int lastStream;
    private int stepsPerPoll;
    private long patienceMs;

    /**
     * A machine.
     *
     * @param gpus how many GPUs it has
     * @param seed decides the order of operations
     */
    public FakeCuda(int gpus, long seed) {
        this.seed = seed;
        // Neighbouring seeds begin alike in Random.
        this.random = new Random(seed * 0x9e3779b97f4a7c15L);
        this.memory = new FakeMemory(gpus);
        this.unreachable = new boolean[gpus][gpus];
    }

    /** Starts a process that sees all GPUs. */
    public FakeProcess newProcess() {
        synchronized (lock) {
            FakeProcess process = new FakeProcess(this, processes.size());
            processes.add(process);
            return process;
        }
    }

    /** Lets {@link CudaDevice#complete} run up to so many operations before it looks. */
    public void stepsPerPoll(int steps) {
        stepsPerPoll = steps;
    }

    /**
     * Lets {@link CudaDevice#synchronize} wait for other threads to enqueue what it needs, where it
     * would else throw at once.
     */
    public void patienceMs(long patienceMs) {
        this.patienceMs = patienceMs;
    }

    /** Takes the path between two GPUs away. */
    public void cut(int gpu, int other) {
        synchronized (lock) {
            unreachable[gpu][other] = true;
            unreachable[other][gpu] = true;
        }
    }

    /**
     * Chooses whether memory of a killed process is gone even where others have it mapped. By
     * default it stays for them until they unmap it, as NVIDIA's driver does.
     */
    public void mappedMemoryDiesWithOwner(boolean dies) {
        memory.mappedDiesWithOwner = dies;
    }

    /**
     * Runs one operation.
     *
     * @return false if none can run
     * @throws KvConnectorException if it broke its process
     */
    public boolean step() {
        synchronized (lock) {
            int before = failures.size();
            boolean ran = stepQuietly();
            if (failures.size() > before) {
                throw failures.get(before);
            }
            return ran;
        }
    }

    /** Runs operations until none can run; then whoever was dying is dead. */
    public void runAll() {
        synchronized (lock) {
            while (step()) {}
            processes.forEach(FakeProcess::settle);
        }
    }

    /** Failures that broke processes so far. */
    public List<KvConnectorException> failures() {
        synchronized (lock) {
            return List.copyOf(failures);
        }
    }

    private boolean stepQuietly() {
        List<FakeStream> runnable = new ArrayList<>();
        streams.removeIf(FakeStream::finished);
        for (FakeStream stream : streams) {
            if (stream.process.runs() && stream.ready()) {
                runnable.add(stream);
            }
        }
        if (runnable.isEmpty()) {
            return false;
        }
        FakeStream stream = runnable.get(random.nextInt(runnable.size()));
        try {
            stream.run();
        } catch (KvConnectorException cause) {
            stream.process.breakBy(cause);
            failures.add(cause);
        }
        stream.process.ranOne();
        lock.notifyAll();
        return true;
    }

    void poll() {
        for (int i = 0; i < stepsPerPoll && stepQuietly(); i++) {}
    }

    /** Runs whatever can run until the recording is reached. The caller holds the lock. */
    void runUntil(FakeEvent.Recording recording, FakeProcess caller) {
        long startNs = System.nanoTime();
        while (!recording.reached) {
            caller.checkRuns();
            if (!stepQuietly() && !recording.reached) {
                long leftMs = patienceMs - (System.nanoTime() - startNs) / 1_000_000;
                if (leftMs <= 0) {
                    throw new IllegalStateException(
                            "deadlock: nothing can run; seed=%d streams=%s"
                                    .formatted(seed, streams));
                }
                try {
                    lock.wait(leftMs);
                } catch (InterruptedException cause) {
                    throw new IllegalStateException("interrupted in synchronize", cause);
                }
            }
        }
    }

    FakeStream newStream(FakeProcess process, int gpu) {
        FakeStream stream = new FakeStream(process, gpu, ++lastStream);
        streams.add(stream);
        return stream;
    }

    /** Drops what a dead process had enqueued. */
    void forget(FakeProcess dead) {
        streams.removeIf(stream -> stream.process == dead);
    }

    static KvConnectorException failure(String call, String status, Object facts) {
        return new KvConnectorException(
                KvError.NATIVE_CALL_FAILED, "%s status=%s %s".formatted(call, status, facts));
    }
}
