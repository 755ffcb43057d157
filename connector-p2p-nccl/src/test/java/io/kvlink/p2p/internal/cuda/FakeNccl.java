// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * NCCL between the processes of a {@link FakeCuda}. Work that NCCL does on threads of its own
 * (making a communicator, enqueueing a group) runs when the machine is stepped, in any order with
 * all else. An operation of a communicator moves bytes only while its counterpart runs too; a send
 * may end before its bytes are where they go. Thread-safe.
 *
 * <p>Faults are planned with {@link FakeProcess#failNext}: of the calls {@code newUniqueId}, {@code
 * init}, {@code groupStart}, {@code groupEnd}, {@code send}, {@code receive}, {@code state}; and
 * what goes wrong later, {@code asyncInit} and {@code asyncGroup}.
 */
public final class FakeNccl {

    private final FakeCuda machine;
    private final Map<ByteBuffer, FakeCommunicator[]> ranks = new HashMap<>();
    private final List<FakeCommunicator> live = new ArrayList<>();
    private long lastId;
    private int initSteps = 3;
    private boolean deathIsSeen;
    long communicatorBytes = 1 << 20;

    /** NCCL on all GPUs of a machine. */
    public FakeNccl(FakeCuda machine) {
        this.machine = machine;
    }

    /** NCCL on one GPU of a process. */
    public NcclLibrary open(CudaDevice device) {
        return new Library((FakeDevice) device);
    }

    /** Sets the number of steps for making a communicator once both ranks are there. */
    public void initSteps(int steps) {
        initSteps = steps;
    }

    /** Chooses whether a communicator fails when its peer's process is dead; else it just hangs. */
    public void deathIsSeen(boolean seen) {
        deathIsSeen = seen;
    }

    /** Communicators of a process that are not released. */
    public int communicators(FakeProcess process) {
        synchronized (machine.lock) {
            live.removeIf(each -> !each.process.alive());
            return (int) live.stream().filter(each -> each.process == process).count();
        }
    }

    /** Fails all communicators of a process, as an error of the network would. */
    public void breakCommunicators(FakeProcess process) {
        synchronized (machine.lock) {
            live.stream()
                    .filter(each -> each.process == process)
                    .forEach(each -> each.fail("FAKE_BROKEN"));
        }
    }

    private final class Library implements NcclLibrary {
        private final FakeDevice device;
        private final FakeProcess process;
        private int depth;
        private String refused = "";
        private final Map<FakeCommunicator, FakeGroup> groups = new LinkedHashMap<>();

        Library(FakeDevice device) {
            this.device = device;
            this.process = device.process;
        }

        @Override
        public int version() {
            return 22803;
        }

        @Override
        public byte[] newUniqueId() {
            return device.call(
                    "newUniqueId",
                    () -> {
                        byte[] id = new byte[UNIQUE_ID_BYTES];
                        ByteBuffer.wrap(id).putLong(++lastId);
                        ranks.put(ByteBuffer.wrap(id.clone()), new FakeCommunicator[2]);
                        return id;
                    });
        }

        @Override
        public NcclCommunicator init(byte[] uniqueId, int rank, int channels) {
            return device.call(
                    "init",
                    () -> {
                        FakeCommunicator[] pair = ranks.get(ByteBuffer.wrap(uniqueId));
                        if (pair == null || pair[rank] != null) {
                            throw FakeCuda.failure("init", "FAKE_INVALID_ARGUMENT", "rank=" + rank);
                        }
                        pair[rank] = new FakeCommunicator(this, pair, rank);
                        live.add(pair[rank]);
                        return pair[rank];
                    });
        }

        @Override
        public void groupStart() {
            device.run("groupStart", () -> depth++);
        }

        @Override
        public void groupEnd() {
            synchronized (machine.lock) {
                depth--;
                Map<FakeCommunicator, FakeGroup> ended = new LinkedHashMap<>(groups);
                String why = refused;
                groups.clear();
                refused = "";
                try {
                    device.run("groupEnd", () -> {});
                    if (!why.isEmpty()) {
                        throw FakeCuda.failure("groupEnd", "FAKE_INVALID_USAGE", why);
                    }
                } catch (RuntimeException cause) {
                    ended.keySet().forEach(each -> each.fail("FAKE_GROUP_REFUSED"));
                    throw cause;
                }
                ended.forEach(FakeCommunicator::launch);
            }
        }

        /** Adds a part to the group that is open. */
        private void add(FakeCommunicator to, String call, FakePart part, CudaStream stream) {
            if (depth == 0) {
                throw new IllegalStateException(call + " outside a group");
            }
            try {
                device.run(
                        call,
                        () -> {
                            if (!to.isReady()) {
                                to.fail("FAKE_INVALID_ARGUMENT");
                                throw FakeCuda.failure(call, "FAKE_INVALID_ARGUMENT", "not ready");
                            }
                            FakeStream target = device.of(stream, call);
                            groups.computeIfAbsent(to, each -> new FakeGroup(each, target))
                                    .add(part, target);
                        });
            } catch (RuntimeException cause) {
                refused = cause.getMessage();
                throw cause;
            }
        }
    }

    /** One rank. Under the machine's lock. */
    final class FakeCommunicator implements NcclCommunicator {
        final FakeProcess process;
        final FakePart.Queue sends = new FakePart.Queue();
        final FakePart.Queue receives = new FakePart.Queue();
        private final Library library;
        private final FakeCommunicator[] pair;
        private final int rank;
        private final FakeStream thread; // What NCCL does on its own threads.
        private NcclState state = NcclState.IN_PROGRESS;
        private boolean connected;
        private boolean tookMemory;
        private boolean ended;
        private int releasePolls = machine.random.nextInt(4);
        boolean aborted;
        int unfinished; // Groups whose end was called and whose operations haven't ended.

        FakeCommunicator(Library library, FakeCommunicator[] pair, int rank) {
            this.library = library;
            this.process = library.process;
            this.pair = pair;
            this.rank = rank;
            this.thread = machine.newStream(process, library.device.ordinal()).foreign();
            thread.add(new Init());
        }

        FakeCommunicator peer() {
            return pair[1 - rank];
        }

        boolean isReady() {
            return state.ready() && !ended;
        }

        void fail(String why) {
            if (!state.failed()) {
                state = NcclState.failed(why);
            }
        }

        @Override
        public NcclState state() {
            checkNotEnded();
            return library.device.call(
                    "state",
                    () -> {
                        machine.poll();
                        process.checkRuns();
                        FakeCommunicator peer = peer();
                        if (deathIsSeen && peer != null && !peer.process.alive()) {
                            fail("FAKE_REMOTE_ERROR");
                        }
                        return state;
                    });
        }

        private void checkNotEnded() {
            if (ended) {
                throw new IllegalStateException("the communicator has ended: rank=" + rank);
            }
        }

        @Override
        public void send(long address, long bytes, CudaStream stream) {
            checkNotEnded();
            library.add(this, "send", new FakePart(this, true, address, bytes), stream);
        }

        @Override
        public void receive(long address, long bytes, CudaStream stream) {
            checkNotEnded();
            library.add(this, "receive", new FakePart(this, false, address, bytes), stream);
        }

        private void launch(FakeGroup group) {
            state = NcclState.IN_PROGRESS;
            unfinished++;
            thread.add(new Launch(group));
        }

        @Override
        public void abort() {
            synchronized (machine.lock) {
                checkNotEnded();
                aborted = true;
                ended = true;
            }
        }

        @Override
        public void destroy() {
            synchronized (machine.lock) {
                checkNotEnded();
                if (!state.ready() || unfinished > 0) {
                    throw new IllegalStateException(
                            "destroyed too early: %s unfinished=%d".formatted(state, unfinished));
                }
                ended = true;
            }
        }

        @Override
        public boolean released() {
            synchronized (machine.lock) {
                machine.poll();
                if (!ended || unfinished > 0 || releasePolls-- > 0) {
                    return false;
                }
                if (live.remove(this)) {
                    thread.drop();
                    if (tookMemory && process.alive()) {
                        take(-communicatorBytes);
                    }
                }
                return true;
            }
        }

        private void take(long bytes) {
            machine.memory.take(process, library.device.ordinal(), bytes);
        }

        /** Becomes ready some steps after both ranks are there. */
        private final class Init implements FakeStream.Operation {
            private int left = initSteps;

            @Override
            public boolean ready() {
                return aborted || (peer() != null && !peer().aborted && peer().process.alive());
            }

            @Override
            public boolean run() {
                if (!aborted && --left > 0) {
                    return false;
                }
                if (!aborted) {
                    tookMemory = true;
                    take(communicatorBytes);
                    state = NcclState.READY;
                    if (process.faults.due("asyncInit")) {
                        fail("FAKE_SYSTEM_ERROR");
                    }
                }
                return true;
            }
        }

        /** Enqueues a group; the first one when the peer enqueues its first one, too. */
        private final class Launch implements FakeStream.Operation {
            private final FakeGroup group;

            Launch(FakeGroup group) {
                this.group = group;
            }

            @Override
            public boolean ready() {
                connected = true;
                return aborted || peer().connected;
            }

            @Override
            public boolean run() {
                if (process.faults.due("asyncGroup")) {
                    unfinished--;
                    fail("FAKE_UNHANDLED_CUDA_ERROR");
                } else if (aborted && machine.random.nextBoolean()) {
                    unfinished--;
                } else {
                    group.enqueue();
                    if (!state.failed()) {
                        state = NcclState.READY;
                    }
                }
                return true;
            }
        }
    }
}
