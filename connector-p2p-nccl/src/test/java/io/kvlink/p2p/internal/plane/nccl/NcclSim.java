// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.nccl;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.cuda.CudaDevice;
import io.kvlink.p2p.internal.cuda.CudaEvent;
import io.kvlink.p2p.internal.cuda.CudaStream;
import io.kvlink.p2p.internal.cuda.FakeCuda;
import io.kvlink.p2p.internal.cuda.FakeNccl;
import io.kvlink.p2p.internal.cuda.FakeProcess;
import io.kvlink.p2p.internal.cuda.NcclLibrary;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * Processes with a lane each on a fake machine, stepped in an order that a seed decides. Whoever is
 * told that a group has ended overwrites its memory at once; {@link #checkMemory} tells whether
 * anybody else wrote there afterwards.
 */
final class NcclSim {

    private static final long STEP_NS = 1_000_000;
    private static final int MOST_STEPS = 200_000;
    private static final int MOST_BYTES = 512;
    private static final byte SENT = 0x11;
    private static final byte POISON = 0x22;
    private static final byte AFTER_DONE = 0x33;
    private static final byte AFTER_FAILED = 0x44;
    static final long CONNECT_NS = TimeUnit.SECONDS.toNanos(3);
    static final long SEND_NS = TimeUnit.SECONDS.toNanos(2);
    static final long RECEIVE_NS = TimeUnit.SECONDS.toNanos(8);

    final long seed;
    final Random random;
    final FakeCuda cuda;
    final FakeNccl nccl;
    final List<Node> nodes = new ArrayList<>();
    long nowNs = Long.MAX_VALUE - 100 * STEP_NS; // Soon overflows, as System.nanoTime may.

    NcclSim(long seed) {
        this.seed = seed;
        random = new Random(seed * 31 + 7);
        cuda = new FakeCuda(2, seed);
        nccl = new FakeNccl(cuda);
    }

    Node newNode(int gpu) {
        Node node = new Node(cuda.newProcess(), gpu);
        nodes.add(node);
        return node;
    }

    /** Two ends of a link; an end is {@code null} where the call was refused. */
    record Pair(End sender, End receiver) {
        void post(int bytes) {
            sender.post(bytes);
            receiver.post(bytes);
        }
    }

    Pair connect(Node sender, Node receiver) {
        byte[] id = sender.library.newUniqueId();
        return new Pair(new End(sender, id, true), new End(receiver, id, false));
    }

    void step() {
        nowNs += STEP_NS;
        int choice = random.nextInt(nodes.size() + 2);
        if (choice < nodes.size()) {
            nodes.get(choice).poll();
        } else {
            cuda.step();
        }
    }

    void until(String what, BooleanSupplier done) {
        for (int i = 0; !done.getAsBoolean(); i++) {
            step();
            assertThat(i).as("steps until %s, seed=%d", what, seed).isLessThan(MOST_STEPS);
        }
    }

    void steps(int steps) {
        for (int i = 0; i < steps; i++) {
            step();
        }
    }

    /** Waits for the end of all groups, closes all lanes and looks for what is left. */
    void finish() {
        until("all ended", () -> nodes.stream().allMatch(Node::allEnded));
        steps(200);
        checkMemory();
        for (Node node : nodes) {
            // What the machine does meanwhile is up to the polls.
            cuda.stepsPerPoll(3);
            node.close();
            assertThat(node.process.leaks()).as("seed=%d", seed).isEmpty();
            assertThat(nccl.communicators(node.process)).isZero();
        }
        assertThat(cuda.failures()).as("seed=%d", seed).isEmpty();
    }

    void checkMemory() {
        nodes.forEach(Node::checkMemory);
    }

    /** A process with a device, a stream and a lane. */
    final class Node {
        final FakeProcess process;
        final CudaDevice device;
        final NcclLibrary library;
        final CudaStream stream;
        final NcclLane lane;
        final CudaStream producer;
        final long computed;
        final List<Region> regions = new ArrayList<>();
        final List<End> ends = new ArrayList<>();

        Node(FakeProcess process, int gpu) {
            this.process = process;
            device = process.open(gpu);
            library = nccl.open(device);
            stream = device.newStream();
            producer = device.newStream();
            computed = device.allocate(MOST_BYTES);
            process.poison(computed, MOST_BYTES, SENT);
            lane =
                    new NcclLane(
                            device,
                            library,
                            stream,
                            new NcclLane.Limits(
                                    CONNECT_NS, SEND_NS, RECEIVE_NS, 20 * RECEIVE_NS, 0));
        }

        void poll() {
            lane.poll(nowNs);
        }

        /** The process dies, and may write a little more. */
        void kill(int late) {
            process.kill(late);
            nodes.remove(this);
        }

        boolean allEnded() {
            return regions.stream().allMatch(region -> region.ended);
        }

        void checkMemory() {
            regions.forEach(Region::check);
        }

        void close() {
            lane.close(() -> nowNs += STEP_NS);
            assertThat(ends).allMatch(end -> end.link == null || end.closed);
            regions.forEach(Region::free);
            device.free(computed);
            producer.close();
            stream.close();
        }
    }

    /** One end of a link, which remembers what it was told. */
    final class End implements NcclPair.Listener {
        final Node node;
        final boolean sends;
        final NcclPair link;
        boolean ready;
        boolean closed;
        KvError error;
        String detail = "";

        End(Node node, byte[] id, boolean sends) {
            this.node = node;
            this.sends = sends;
            NcclPair made = null;
            try {
                made = node.lane.connect("peer", id, sends, this);
            } catch (KvConnectorException refused) {
                error = refused.error();
            }
            link = made;
            node.ends.add(this);
        }

        @Override
        public void onReady(NcclPair of) {
            assertThat(ready || closed).isFalse();
            ready = true;
        }

        @Override
        public void onClosed(NcclPair of, KvError why, String facts) {
            assertThat(closed).isFalse();
            assertThat(of.idle()).isTrue();
            closed = true;
            error = why;
            detail = facts;
        }

        Region post(int bytes) {
            Region region = new Region(this, bytes);
            node.regions.add(region);
            if (link == null) {
                region.onFailed(null, error, detail);
                return region;
            }
            NcclMessage first = new NcclMessage(region.address, bytes / 2);
            NcclMessage second = new NcclMessage(region.address + bytes / 2, bytes - bytes / 2);
            try {
                region.group = link.post(List.of(first, second), region.after, region);
            } catch (KvConnectorException refused) {
                region.onFailed(null, refused.error(), detail);
            }
            return region;
        }
    }

    /** The memory of a group. */
    final class Region implements NcclGroup.Listener {
        private final End end;
        private final int bytes;
        final long address;
        final CudaEvent after;
        NcclGroup group;
        boolean ended;
        KvError error;
        private byte content;

        Region(End end, int bytes) {
            this.end = end;
            this.bytes = bytes;
            address = end.node.device.allocate(bytes);
            boolean isLate = end.sends && random.nextBoolean();
            content = end.sends && !isLate ? SENT : POISON;
            end.node.process.poison(address, bytes, content);
            after = isLate ? compute() : null;
        }

        /** The bytes to send are there only when an event is reached. */
        private CudaEvent compute() {
            CudaDevice device = end.node.device;
            CudaEvent event = insist(device::newEvent);
            for (int i = 0; i < 20; i++) {
                device.copy(end.node.computed, end.node.computed, 1, end.node.producer);
            }
            device.copy(end.node.computed, address, bytes, end.node.producer);
            return insist(
                    () -> {
                        device.record(event, end.node.producer);
                        return event;
                    });
        }

        /** The faults that a test plans, one at a time, are for others. */
        private static <T> T insist(Supplier<T> call) {
            try {
                return call.get();
            } catch (KvConnectorException planned) {
                return call.get();
            }
        }

        void free() {
            end.node.device.free(address);
            if (after != null) {
                after.close();
            }
        }

        private void fill(byte value) {
            ended = true;
            content = value;
            end.node.process.poison(address, bytes, value);
        }

        @Override
        public void onDone(NcclGroup of) {
            assertThat(ended).isFalse();
            content = SENT;
            check();
            fill(AFTER_DONE);
        }

        @Override
        public void onFailed(NcclGroup of, KvError why, String facts) {
            assertThat(ended).isFalse();
            error = why;
            if (after == null) {
                fill(AFTER_FAILED);
            }
            ended = true;
        }

        boolean done() {
            return ended && error == null;
        }

        /** The memory is as whoever owns it left it. */
        void check() {
            if (after == null || content != POISON) {
                byte[] expected = new byte[bytes];
                Arrays.fill(expected, content);
                assertThat(end.node.process.read(address, bytes))
                        .as("sends=%s seed=%d", end.sends, seed)
                        .isEqualTo(expected);
            }
        }
    }
}
