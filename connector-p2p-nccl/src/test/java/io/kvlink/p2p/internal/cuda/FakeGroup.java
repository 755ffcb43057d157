// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

import java.util.ArrayList;
import java.util.List;

/** The parts of a communicator in one group: one operation of its stream. */
final class FakeGroup implements FakeStream.Operation {

    private final FakeNccl.FakeCommunicator communicator;
    private final FakeStream stream;
    private final List<FakePart> parts = new ArrayList<>();
    private boolean begun;
    private boolean stopping;
    private boolean oneMore;
    private int linger;

    FakeGroup(FakeNccl.FakeCommunicator communicator, FakeStream stream) {
        this.communicator = communicator;
        this.stream = stream;
    }

    void add(FakePart part, FakeStream target) {
        if (target != stream) {
            throw new IllegalArgumentException("one group on two streams: " + stream + target);
        }
        parts.add(part);
    }

    void enqueue() {
        parts.forEach(FakePart::enqueue);
        stream.add(this);
    }

    @Override
    public boolean ready() {
        FakeCuda machine = communicator.process.machine;
        if (communicator.aborted && !stopping) {
            stopping = true;
            // An abort is noticed a little later.
            oneMore = machine.random.nextBoolean();
            linger = oneMore ? machine.random.nextInt(6) : 0;
        }
        if (!begun) {
            begun = true;
            parts.forEach(FakePart::begin);
        }
        return stopping || done() || parts.stream().anyMatch(FakePart::canMove);
    }

    private boolean done() {
        return parts.stream().allMatch(FakePart::done);
    }

    @Override
    public boolean run() {
        List<FakePart> movable = parts.stream().filter(FakePart::canMove).toList();
        if (!movable.isEmpty() && (!stopping || oneMore)) {
            movable.get(communicator.process.machine.random.nextInt(movable.size())).move();
            oneMore = false;
            return done() && end();
        }
        if (stopping && linger-- > 0) {
            return false;
        }
        return (stopping || done()) && end();
    }

    private boolean end() {
        parts.forEach(FakePart::end);
        communicator.unfinished--;
        return true;
    }
}
