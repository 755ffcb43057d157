// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/** A process of a {@link FakeCuda}. Thread-safe. */
public final class FakeProcess {
    final FakeCuda machine;
    final int number;
    final Set<FakeStream> ownStreams = new HashSet<>();
    final Set<FakeEvent> events = new HashSet<>();
    final Map<ForeignStream, FakeStream> foreignStreams = new HashMap<>();
    final FakeFaults faults = new FakeFaults();
    private Life life = Life.RUNNING;
    private KvConnectorException broken;
    private int lateOperations;

    /** Somebody's stream of this process. */
    record ForeignStream(int gpu, long handle) {}

    FakeProcess(FakeCuda machine, int number) {
        this.machine = machine;
        this.number = number;
    }

    /** Opens a GPU, with the calling thread attached. */
    public CudaDevice open(int ordinal) {
        synchronized (machine.lock) {
            return new FakeDevice(this, ordinal);
        }
    }

    /** Kills the process: nothing of it runs any more, and its memory is gone. */
    public void kill() {
        kill(0);
    }

    /**
     * Kills the process, while its GPUs still run some of what it had enqueued.
     *
     * @param late how many operations at most; fewer if {@link FakeCuda#runAll} finds no more
     */
    public void kill(int late) {
        synchronized (machine.lock) {
            life = Life.DYING;
            lateOperations = late;
            if (late == 0) {
                die();
            }
        }
    }

    /** Makes a call of this process's devices fail: the next one of that method's name. */
    public void failNext(String method) {
        failLater(method, 0);
    }

    /** Makes a call fail, after so many successful ones of that method. */
    public void failLater(String method, int successes) {
        synchronized (machine.lock) {
            faults.plan(method, successes);
        }
    }

    /** Lets a stream stand still, or go on. */
    public void hold(CudaStream stream, boolean held) {
        synchronized (machine.lock) {
            ((FakeStream) stream).held = held;
            machine.lock.notifyAll();
        }
    }

    /** Puts bytes at an address, at once. */
    public void write(long address, byte[] bytes) {
        synchronized (machine.lock) {
            machine.memory.at(this, address, bytes.length).put(bytes);
        }
    }

    /** The bytes at an address now. */
    public byte[] read(long address, int bytes) {
        synchronized (machine.lock) {
            byte[] read = new byte[bytes];
            machine.memory.at(this, address, bytes).get(read);
            return read;
        }
    }

    /** Overwrites memory with one value. */
    public void poison(long address, int bytes, int value) {
        byte[] poison = new byte[bytes];
        Arrays.fill(poison, (byte) value);
        write(address, poison);
    }

    /** Streams made and not closed. */
    public int streams() {
        synchronized (machine.lock) {
            return ownStreams.size();
        }
    }

    /** Events made and not closed. */
    public int events() {
        synchronized (machine.lock) {
            return events.size();
        }
    }

    /** Allocations of device memory. */
    public int allocations() {
        synchronized (machine.lock) {
            return machine.memory.count(this, FakeMemory.Kind.DEVICE);
        }
    }

    /** Mappings of other processes' memory. */
    public int mappings() {
        synchronized (machine.lock) {
            return machine.memory.count(this, FakeMemory.Kind.MAPPED);
        }
    }

    /** Locked buffers. */
    public int locks() {
        synchronized (machine.lock) {
            return machine.memory.count(this, FakeMemory.Kind.HOST);
        }
    }

    /** Resources that the process hasn't given back, in words; empty if there are none. */
    public String leaks() {
        int all = streams() + events() + allocations() + mappings() + locks();
        return all == 0
                ? ""
                : "streams=%d events=%d allocations=%d mappings=%d locks=%d"
                        .formatted(streams(), events(), allocations(), mappings(), locks());
    }

    /** True until the process is dead. */
    public boolean alive() {
        synchronized (machine.lock) {
            return life != Life.DEAD;
        }
    }

    boolean runs() {
        return life != Life.DEAD && broken == null;
    }

    /** Throws what a call of a dead or broken process gets. */
    void checkRuns() {
        if (life != Life.RUNNING) {
            throw FakeCuda.failure("any", "FAKE_KILLED", this);
        }
        if (broken != null) {
            throw new KvConnectorException(
                    KvError.NATIVE_CALL_FAILED, "sticky: " + broken.getMessage(), broken);
        }
    }

    /** One of its operations has run. */
    void ranOne() {
        if (life == Life.DYING && --lateOperations <= 0) {
            die();
        }
    }

    /** The machine has run what it runs of a killed process. */
    void settle() {
        if (life == Life.DYING) {
            die();
        }
    }

    /** Breaks the process by its illegal operation. */
    void breakBy(KvConnectorException cause) {
        broken = cause;
    }

    private void die() {
        life = Life.DEAD;
        machine.forget(this);
        ownStreams.clear();
        events.clear();
        machine.memory.removeAll(this);
    }

    @Override
    public String toString() {
        return "process=" + number;
    }

    private enum Life {
        RUNNING,
        DYING,
        DEAD
    }
}
