// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.cuda.CudaDevice;
import io.kvlink.p2p.internal.cuda.FakeCuda;
import io.kvlink.p2p.internal.plane.DataPlane.ReceiveListener;
import io.kvlink.p2p.internal.plane.DataPlane.ReceiveOp;
import io.kvlink.p2p.internal.plane.pull.PullQueue.Waiting;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.MemoryRegion;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

final class PullQueueTest {

    private static final long GROUP_BYTES = 100;
    private static final PullSizes TWO_SLOTS = new PullSizes(1000, 100, 2, GROUP_BYTES);

    private final List<List<Waiting>> pulled = new ArrayList<>();
    private final List<PendingReceive> dropped = new ArrayList<>();
    private final List<SpillBuffer> described = new ArrayList<>();
    private final CudaDevice device = new FakeCuda(1, 5).newProcess().open(0);
    private final SpillBuffer spill = new SpillBuffer(device, TWO_SLOTS);
    private final PullTurns turns = new PullTurns(GROUP_BYTES);
    private SideChannel channel;
    private PullQueue queue;
    private PendingReceive one;
    private PendingReceive other;

    @BeforeEach
    void open() throws IOException {
        channel = SideChannel.open("127.0.0.1", new Deaf());
        queue =
                new PullQueue(
                        channel, new FakeWire(), spill, this::describe, turns, new Recorder());
        one = receive(MemoryRegion.ofDevice(0, 4096, 1000));
        other = receive(MemoryRegion.ofDevice(0, 4096, 1000));
    }

    @AfterEach
    void close() {
        spill.close();
        channel.close();
    }

    private final class Recorder implements PullQueue.Puller {
        @Override
        public void pull(Link link, List<Waiting> group) {
            assertThat(group).allMatch(part -> part.receive().link == link);
            pulled.add(List.copyOf(group));
            turns.pulled(link, group.size());
        }

        @Override
        public void drop(PendingReceive receive, KvError error, String detail) {
            assertThat(error).isEqualTo(KvError.NATIVE_CALL_FAILED);
            dropped.add(receive);
        }
    }

    private static final class Deaf implements SideChannel.Listener, ReceiveListener {
        @Override
        public void onAccepted(Link link) {}

        @Override
        public void onFrame(Link link, LinkFrame frame) {}

        @Override
        public void onClosed(Link link, String reason) {}

        @Override
        public void onPieceReceived(ReceiveOp op, int piece) {}

        @Override
        public void onReceiveFailed(ReceiveOp op, KvError error, String detail) {}
    }

    private LinkFrame describe(SpillBuffer buffer) {
        described.add(buffer);
        return null;
    }

    private static MemoryRegion pinned() {
        return MemoryRegion.ofPinned(ByteBuffer.allocateDirect(1000), 4096);
    }

    private PendingReceive receive(MemoryRegion destination) throws IOException {
        GpuEndpoint self = new GpuEndpoint("", "", 0, 0, "", "", new byte[0], 0, channel.address());
        return new PendingReceive(
                new ReceiveOp(self.text(), 1, 0, List.of(destination), new Deaf()),
                channel.dial(self, self.text(), self.text()));
    }

    private static Waiting part(PendingReceive receive, long offset, long bytes, Long... runs) {
        return new Waiting(receive, 0, offset, bytes, List.of(runs));
    }

    @Test
    void shouldPullWhatFitsAGroupTogether() {
        Waiting first = part(one, 0, 60);
        Waiting second = part(one, 60, 40);
        Waiting third = part(one, 100, 1);
        queue.add(List.of(first, second, third));
        queue.poll();
        assertThat(pulled).containsExactly(List.of(first, second), List.of(third));
    }

    @Test
    void shouldPullAPartThatIsLargerThanAGroupAlone() {
        Waiting large = part(one, 0, 500);
        Waiting next = part(one, 500, 10);
        queue.add(List.of(large, next));
        queue.poll();
        assertThat(pulled).containsExactly(List.of(large), List.of(next));
    }

    @Test
    void shouldCountHalfOfWhatTravelsAsItLies() {
        Waiting first = part(one, 0, 120, 60L, 60L);
        Waiting second = part(one, 120, 80, 120L, 80L);
        queue.add(List.of(first, second));
        queue.poll();
        assertThat(pulled).containsExactly(List.of(first, second));
    }

    @Test
    void shouldServeAnotherSenderOnlyWhenTheFirstOnesPartsAreHere() {
        Waiting first = part(one, 0, 10);
        Waiting second = part(other, 0, 10);
        queue.add(List.of(first, second));
        queue.poll();
        queue.poll();
        assertThat(pulled).containsExactly(List.of(first));
        turns.landed(one.link, 1);
        queue.poll();
        assertThat(pulled).containsExactly(List.of(first), List.of(second));
    }

    @Test
    void shouldPullNothingOfAReceiveThatWasRemoved() {
        Waiting kept = part(other, 0, 10);
        queue.add(List.of(part(one, 0, 10), part(one, 10, 10), kept));
        queue.remove(one);
        queue.poll();
        assertThat(pulled).containsExactly(List.of(kept));
    }

    @Test
    void shouldCutTheSendersRunsToThePart() {
        assertThat(part(one, 0, 100, 100L).messages()).containsExactly(100L);
        assertThat(part(one, 30, 50, 40L, 20L, 100L).messages()).containsExactly(10L, 20L, 20L);
        assertThat(part(one, 40, 20, 40L, 20L, 100L).messages()).containsExactly(20L);
    }

    @Test
    void shouldSpillAsManyPartsAsThereAreSlots() throws IOException {
        PendingReceive spilled = receive(pinned());
        Waiting first = part(spilled, 0, 10);
        Waiting second = part(spilled, 10, 10);
        Waiting third = part(spilled, 20, 10);
        queue.add(List.of(first, second, third));
        queue.poll();
        assertThat(pulled).containsExactly(List.of(first, second));
        queue.poll();
        assertThat(pulled).containsExactly(List.of(first, second), List.of(third));
        assertThat(described).containsExactly(spill);
        queue.forget(spilled.link);
        queue.add(List.of(first));
        queue.poll();
        assertThat(described).hasSize(2);
    }

    @Test
    void shouldDropAReceiveWhosePeerCantBeToldOfTheSpillBuffer() throws IOException {
        queue =
                new PullQueue(
                        channel,
                        new FakeWire(),
                        spill,
                        buffer -> {
                            throw new KvConnectorException(KvError.NATIVE_CALL_FAILED, "no=1");
                        },
                        turns,
                        new Recorder());
        PendingReceive spilled = receive(pinned());
        queue.add(List.of(part(spilled, 0, 10)));
        queue.poll();
        assertThat(dropped).containsExactly(spilled);
        assertThat(pulled).isEmpty();
    }
}
