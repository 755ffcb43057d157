// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

import io.kvlink.spi.PageLocker;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;

/** A GPU of a {@link FakeCuda} as one of its processes sees it. */
final class FakeDevice implements CudaDevice {

    // As many as the real copier takes in one launch.
    private static final int MOST_RUNS = 160;

    final FakeProcess process;
    private final FakeCuda machine;
    private final FakeMemory memory;
    private final int ordinal;
    private final boolean[] peers;
    private final Set<Thread> attached = new HashSet<>();
    private boolean closed;

    FakeDevice(FakeProcess process, int ordinal) {
        this.process = process;
        this.machine = process.machine;
        this.memory = machine.memory;
        this.ordinal = ordinal;
        this.peers = new boolean[machine.unreachable.length];
        attached.add(Thread.currentThread());
    }

    <T> T call(String method, Supplier<T> body) {
        synchronized (machine.lock) {
            process.checkRuns();
            if (closed || !attached.contains(Thread.currentThread())) {
                throw FakeCuda.failure(
                        method,
                        "FAKE_INVALID_CONTEXT",
                        "closed=%s thread=%s".formatted(closed, Thread.currentThread().getName()));
            }
            process.faults.check(method);
            return body.get();
        }
    }

    void run(String method, Runnable body) {
        call(
                method,
                () -> {
                    body.run();
                    return true;
                });
    }

    @Override
    public int ordinal() {
        return ordinal;
    }

    @Override
    public String uuid() {
        return uuid(ordinal);
    }

    private static String uuid(int ordinal) {
        return "%032x".formatted(ordinal + 0xfa4e);
    }

    @Override
    public boolean canReach(String uuid) {
        return call("canReach", () -> reachable(uuid) >= 0);
    }

    /** The ordinal of that GPU, or -1. */
    private int reachable(String uuid) {
        for (int gpu = 0; gpu < peers.length; gpu++) {
            if (uuid(gpu).equals(uuid) && !machine.unreachable[ordinal][gpu]) {
                return gpu;
            }
        }
        return -1;
    }

    @Override
    public void attach() {
        synchronized (machine.lock) {
            process.checkRuns();
            process.faults.check("attach");
            attached.add(Thread.currentThread());
        }
    }

    @Override
    public long allocate(long bytes) {
        return call("allocate", () -> memory.allocate(process, ordinal, bytes));
    }

    @Override
    public void free(long address) {
        run("free", () -> memory.free(process, address));
    }

    @Override
    public long freeBytes() {
        return call("freeBytes", () -> memory.freeBytes(ordinal));
    }

    @Override
    public byte[] export(long address) {
        return call("export", () -> memory.export(process, address));
    }

    @Override
    public long map(byte[] handle) {
        return call("map", () -> memory.map(process, ordinal, handle));
    }

    @Override
    public void unmap(long address) {
        run("unmap", () -> memory.unmap(process, address));
    }

    @Override
    public void enablePeer(String uuid) {
        run(
                "enablePeer",
                () -> {
                    int gpu = reachable(uuid);
                    if (gpu < 0) {
                        throw FakeCuda.failure("enablePeer", "FAKE_PEER_ACCESS_UNSUPPORTED", uuid);
                    }
                    peers[gpu] = true;
                });
    }

    @Override
    public PageLocker pageLocker() {
        return new PageLocker() {
            @Override
            public long lock(ByteBuffer buffer) {
                attach();
                return call("lock", () -> memory.lock(process, buffer));
            }

            @Override
            public void unlock(long address) {
                attach();
                run("unlock", () -> memory.unlock(process, address));
            }
        };
    }

    @Override
    public CudaStream newStream() {
        return call(
                "newStream",
                () -> {
                    FakeStream stream = machine.newStream(process, ordinal);
                    process.ownStreams.add(stream);
                    return stream;
                });
    }

    @Override
    public CudaStream stream(long handle) {
        return call(
                "stream",
                () ->
                        process.foreignStreams.computeIfAbsent(
                                new FakeProcess.ForeignStream(ordinal, handle),
                                unused -> machine.newStream(process, ordinal).foreign()));
    }

    @Override
    public CudaEvent newEvent() {
        return call(
                "newEvent",
                () -> {
                    FakeEvent event = new FakeEvent(process, ordinal);
                    process.events.add(event);
                    return event;
                });
    }

    @Override
    public void record(CudaEvent event, CudaStream stream) {
        run(
                "record",
                () -> {
                    FakeEvent.Recording recording = new FakeEvent.Recording(false);
                    FakeEvent recorded = of(event, "record");
                    if (recorded.gpu != ordinal) {
                        throw FakeCuda.failure("record", "FAKE_INVALID_HANDLE", "another GPU's");
                    }
                    of(stream, "record").add(() -> recording.reached = true);
                    recorded.last = recording;
                });
    }

    @Override
    public void await(CudaStream stream, CudaEvent event) {
        run(
                "await",
                () -> {
                    FakeEvent.Recording recording = of(event, "await").last;
                    of(stream, "await").add(new Await(recording));
                });
    }

    private record Await(FakeEvent.Recording recording) implements FakeStream.Operation {
        @Override
        public boolean ready() {
            return recording.reached;
        }

        @Override
        public boolean run() {
            return true;
        }
    }

    @Override
    public boolean complete(CudaEvent event) {
        return call(
                "complete",
                () -> {
                    machine.poll();
                    process.checkRuns();
                    return of(event, "complete").last.reached;
                });
    }

    @Override
    public void synchronize(CudaEvent event) {
        run("synchronize", () -> machine.runUntil(of(event, "synchronize").last, process));
    }

    @Override
    public void copy(long source, long destination, long bytes, CudaStream stream) {
        run(
                "copy",
                () ->
                        of(stream, "copy")
                                .add(
                                        () ->
                                                memory.at(process, destination, bytes)
                                                        .put(memory.at(process, source, bytes))));
    }

    @Override
    public RunCopier newRunCopier(int mostBlocks) {
        return call("newRunCopier", Copier::new);
    }

    @Override
    public void close() {
        synchronized (machine.lock) {
            closed = true;
        }
    }

    FakeStream of(CudaStream stream, String call) {
        FakeStream mine = (FakeStream) stream;
        if (mine.process != process || mine.gpu != ordinal) {
            throw FakeCuda.failure(call, "FAKE_INVALID_HANDLE", mine + " on " + this);
        }
        return mine;
    }

    private FakeEvent of(CudaEvent event, String call) {
        FakeEvent mine = (FakeEvent) event;
        mine.checkOpen(call);
        if (mine.process != process) {
            throw FakeCuda.failure(call, "FAKE_INVALID_HANDLE", "an event of " + mine.process);
        }
        return mine;
    }

    @Override
    public String toString() {
        return "%s device=%d".formatted(process, ordinal);
    }

    private record Run(long source, long destination, long bytes) {}

    /** Runs of one launch are copied in any order. */
    private final class Copier implements RunCopier {
        private final List<Run> runs = new ArrayList<>();

        @Override
        public void add(long source, long destination, long bytes, CudaStream stream) {
            if (bytes < 1) {
                throw new IllegalArgumentException("bytes=" + bytes);
            }
            runs.add(new Run(source, destination, bytes));
            if (runs.size() == MOST_RUNS) {
                flush(stream);
            }
        }

        @Override
        public void flush(CudaStream stream) {
            if (runs.isEmpty()) {
                return;
            }
            List<Run> launch = new ArrayList<>(runs);
            runs.clear();
            FakeDevice.this.run(
                    "launch",
                    () -> {
                        Collections.shuffle(launch, machine.random);
                        of(stream, "launch").add(() -> launch.forEach(this::copy));
                    });
        }

        private void copy(Run run) {
            ByteBuffer source = memory.atKernel(process, ordinal, peers, run.source, run.bytes);
            memory.atKernel(process, ordinal, peers, run.destination, run.bytes).put(source);
        }

        @Override
        public void close() {}
    }
}
