// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

/** A point in a stream. Under the machine's lock. */
final class FakeEvent implements CudaEvent {

    final FakeProcess process;
    final int gpu;
    Recording last = new Recording(true);
    private boolean closed;

    FakeEvent(FakeProcess process, int gpu) {
        this.process = process;
        this.gpu = gpu;
    }

    /** One recording of an event. */
    static final class Recording {
        boolean reached;

        Recording(boolean reached) {
            this.reached = reached;
        }
    }

    void checkOpen(String call) {
        if (closed) {
            throw FakeCuda.failure(call, "FAKE_INVALID_HANDLE", "closed event of " + process);
        }
    }

    @Override
    public void close() {
        synchronized (process.machine.lock) {
            checkOpen("closeEvent");
            closed = true;
            process.events.remove(this);
        }
    }
}
