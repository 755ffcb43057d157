// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A send or a receive of a communicator. The i-th send of one rank meets the i-th receive of the
 * other. Bytes go from the source into the receive's box, then on to the destination; so a send can
 * end while its last bytes are in the box. Under the machine's lock.
 */
final class FakePart {

    private final FakeNccl.FakeCommunicator communicator;
    private final boolean sends;
    private final long address;
    private final long bytes;
    private int number;
    private long moved;
    private boolean running;
    private byte @Nullable [] box;

    FakePart(FakeNccl.FakeCommunicator communicator, boolean sends, long address, long bytes) {
        this.communicator = communicator;
        this.sends = sends;
        this.address = address;
        this.bytes = bytes;
    }

    /** The parts of one direction of a rank that were ever enqueued. */
    static final class Queue {
        private final List<FakePart> parts = new ArrayList<>();

        @Nullable FakePart get(int number) {
            return number < parts.size() ? parts.get(number) : null;
        }
    }

    /** Takes its place among the parts of its direction. */
    void enqueue() {
        Queue queue = sends ? communicator.sends : communicator.receives;
        number = queue.parts.size();
        queue.parts.add(this);
    }

    void begin() {
        running = true;
    }

    /** Ends the operation; if before its time, the counterpart waits for ever. */
    void end() {
        running = false;
    }

    boolean done() {
        return moved == bytes;
    }

    /** True if there is something to move now. */
    boolean canMove() {
        FakePart other = counterpart();
        if (done() || other == null) {
            return false;
        }
        if (!sends && box != null) {
            return true;
        }
        if (!other.running) {
            return false;
        }
        if (other.bytes != bytes) {
            communicator.fail("FAKE_SIZES_DIFFER");
            other.communicator.fail("FAKE_SIZES_DIFFER");
            return false;
        }
        return sends && other.box == null;
    }

    private @Nullable FakePart counterpart() {
        FakeNccl.FakeCommunicator peer = communicator.peer();
        if (peer == null || !peer.process.runs()) {
            return null;
        }
        return (sends ? peer.receives : peer.sends).get(number);
    }

    /** Moves some bytes. */
    void move() {
        FakeCuda machine = communicator.process.machine;
        if (sends) {
            FakePart other = counterpart();
            long left = bytes - moved;
            int some = (int) (left == 1 ? 1 : left - machine.random.nextInt((int) left));
            other.box = new byte[some];
            machine.memory.at(communicator.process, address + moved, some).get(other.box);
            moved += some;
        } else {
            machine.memory.at(communicator.process, address + moved, box.length).put(box);
            moved += box.length;
            box = null;
        }
    }
}
