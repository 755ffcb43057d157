// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

import java.util.ArrayDeque;

/** Operations in a row. Under the machine's lock. */
final class FakeStream implements CudaStream {

    final FakeProcess process;
    final int gpu;
    private final int number;
    private final ArrayDeque<Operation> operations = new ArrayDeque<>();
    private boolean foreign;
    boolean held;
    private boolean closed;

    FakeStream(FakeProcess process, int gpu, int number) {
        this.process = process;
        this.gpu = gpu;
        this.number = number;
    }

    /** Makes this the stream of somebody else, who keeps it open. */
    FakeStream foreign() {
        foreign = true;
        return this;
    }

    /** Something to run when all before it has run. */
    interface Operation {
        /** True if the operation can go on now; asked only when all before it has run. */
        boolean ready();

        /** Goes on; true if it has ended. */
        boolean run();
    }

    void add(Operation operation) {
        if (closed) {
            throw FakeCuda.failure("enqueue", "FAKE_INVALID_HANDLE", "closed " + this);
        }
        operations.add(operation);
        process.machine.lock.notifyAll();
    }

    /** Adds what can run as soon as all before it has. */
    void add(Runnable operation) {
        add(
                new Operation() {
                    @Override
                    public boolean ready() {
                        return true;
                    }

                    @Override
                    public boolean run() {
                        operation.run();
                        return true;
                    }
                });
    }

    /** Drops everything, for good. */
    void drop() {
        operations.clear();
        closed = true;
    }

    boolean ready() {
        Operation first = operations.peek();
        return !held && first != null && first.ready();
    }

    void run() {
        if (operations.element().run()) {
            operations.remove();
        }
    }

    boolean finished() {
        return closed && operations.isEmpty();
    }

    @Override
    public void close() {
        synchronized (process.machine.lock) {
            if (foreign) {
                return;
            }
            if (closed) {
                throw FakeCuda.failure("closeStream", "FAKE_INVALID_HANDLE", this);
            }
            closed = true;
            process.ownStreams.remove(this);
        }
    }

    @Override
    public String toString() {
        return "%s gpu=%d stream=%d waiting=%d".formatted(process, gpu, number, operations.size());
    }
}
