// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.cudaipc;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.cuda.FakeCuda;
import io.kvlink.p2p.internal.plane.Token;
import io.kvlink.p2p.internal.plane.pull.GpuEndpoint;
import io.kvlink.p2p.internal.plane.pull.GpuFixture;
import io.kvlink.p2p.internal.plane.pull.GpuNode;
import io.kvlink.p2p.internal.plane.pull.GpuTransfer;
import io.kvlink.p2p.internal.plane.pull.GpuTransfer.Kind;
import io.kvlink.p2p.internal.plane.pull.GpuWiring;
import io.kvlink.p2p.internal.plane.pull.LinkCodec;
import io.kvlink.p2p.internal.plane.pull.LinkFrame;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Bye;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Drop;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Dropped;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Export;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Failed;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Hello;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Pull;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Ready;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Settled;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.UniqueId;
import io.kvlink.p2p.internal.plane.pull.LinkFrame.Written;
import io.kvlink.p2p.internal.plane.pull.PullPart;
import io.kvlink.p2p.internal.plane.pull.PullReceiver;
import io.kvlink.p2p.internal.plane.pull.RawPeer;
import io.kvlink.p2p.internal.plane.socket.SecretAddress;
import io.kvlink.p2p.internal.planes.GpuPlanes;
import io.kvlink.spi.KvError;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Strangers at the door, and peers that talk nonsense: they harm nobody but themselves. */
final class CudaIpcRogueTest extends GpuFixture {

    private GpuNode p;
    private GpuNode d;
    private GpuNode rogue;
    private GpuTransfer other;
    private final List<RawPeer> raw = new ArrayList<>();

    @Override
    protected GpuWiring wiring(FakeCuda onMachine) {
        return GpuPlanes::openCudaIpc;
    }

    @BeforeEach
    void openThree() {
        p = newNode();
        d = newNode();
        rogue = newNode();
        // Is under way while the rogue plays.
        other = transfer(p, d);
        for (int i = 0; i < 10; i++) {
            other.piece(30_000, 2, Kind.COMPUTED, i % 2 == 0 ? Kind.DEVICE : Kind.PINNED);
        }
        other.receive();
    }

    private void othersAreUnharmed() {
        other.sendAll();
        stepUntil(other::over);
        assertThat(other.received()).as("seed=%d %s", seed, other).isTrue();
    }

    // Declared here, so run before the fixture's: sockets are counted there.
    @AfterEach
    void closeRaw() {
        raw.forEach(RawPeer::close);
    }

    private RawPeer opened(RawPeer peer) {
        raw.add(peer);
        return peer;
    }

    private RawPeer dialled() {
        return opened(RawPeer.dial(p.plane));
    }

    private RawPeer introduced() {
        return dialled().hello(RawPeer.secret(p.plane), rogue.plane.endpoint()).export(rogue);
    }

    private void isRefused(RawPeer peer) {
        stepUntil(peer::refused);
        othersAreUnharmed();
    }

    @Test
    void shouldRefuseTheWrongSecret() {
        isRefused(dialled().hello(Token.random(), rogue.plane.endpoint()));
    }

    @Test
    void shouldRefuseAPeerThatCannotBe() {
        isRefused(dialled().hello(RawPeer.secret(p.plane), "somebody"));
    }

    @Test
    void shouldRefuseWhoeverDoesntSayHello() {
        isRefused(dialled().say(new Bye()));
    }

    @Test
    void shouldRefuseGarbage() {
        byte[] garbage = new byte[3000];
        for (int i = 0; i < 20; i++) {
            random.nextBytes(garbage);
            stepUntil(dialled().write(ByteBuffer.wrap(garbage))::refused);
        }
        othersAreUnharmed();
    }

    @Test
    void shouldGiveUpStrangersThatSayNothing() {
        RawPeer silent = dialled();
        steps(10);
        assertThat(silent.refused()).isFalse();
        nowNs += TimeUnit.SECONDS.toNanos(6);
        isRefused(silent);
    }

    static Stream<Function<Integer, LinkFrame>> wrongFramesForASender() {
        return Stream.of(
                any -> new Pull(List.of(part(any, 7, 1001, 0, 0))), // Past the piece's end.
                any -> new Pull(List.of(part(any, 0, 1001, 0, 0))),
                any -> new Pull(List.of(part(any, Long.MAX_VALUE, 1, 0, 0))),
                any -> new Pull(List.of(part(any, 0, Long.MAX_VALUE, 0, 0))),
                any -> new Pull(List.of(part(any, 0, 1000, 0, 0), part(any, 0, 1, 0, 0))), // Twice.
                any -> new Pull(List.of(part(any, 0, 1000, 5, 0))), // An unknown region.
                any -> new Pull(List.of(part(any, 0, 1000, PullReceiver.SPILL, 0))),
                any -> new Pull(List.of(part(any, 0, 1000, 0, 1L << 40))), // Past its end.
                any -> new Pull(List.of(part(any, 0, 1000, 0, Long.MAX_VALUE))),
                any -> new Pull(List.of(part(any, 0, 1000, 0, Long.MAX_VALUE - 999))),
                any -> new Written(List.of(1L)),
                any -> new Ready(1, 0, List.of()),
                any -> new Failed(1),
                any -> new Dropped(1),
                any -> new Settled(),
                any -> new UniqueId(new byte[128]),
                any -> new Hello(Token.random(), "again"),
                any -> new Export(PullReceiver.ARENA, new byte[64], 4096, 4096),
                any -> new Export(PullReceiver.SPILL, new byte[64], 4096, 4096),
                any -> new Export(PullReceiver.SPILL, new byte[3], 4096, 4096),
                any -> new Export(77, new byte[64], 4096, 4096));
    }

    private static PullPart part(int piece, long offset, long bytes, int region, long at) {
        return new PullPart(1, 99, piece, offset, bytes, region, at);
    }

    @ParameterizedTest
    @MethodSource("wrongFramesForASender")
    void shouldEndTheLinkOfAReceiverThatTalksNonsense(Function<Integer, LinkFrame> frame) {
        GpuTransfer victim = new GpuTransfer(p, rogue, 99, random);
        transfers.add(victim.piece(1000));
        int piece = victim.sendAll().pieceNumber(0);
        RawPeer peer = introduced();
        steps(random.nextInt(20));
        peer.say(frame.apply(piece));
        stepUntil(() -> peer.heard().contains(new Bye()));
        peer.close();
        stepUntil(victim::over);
        assertThat(victim.sendError(0)).isEqualTo(KvError.PEER_LOST);
        othersAreUnharmed();
    }

    @Test
    void shouldCloseAReceiverThatDoesntLeave() {
        RawPeer peer = introduced();
        steps(10);
        peer.say(new Written(List.of(1L)));
        stepUntil(() -> peer.heard().contains(new Bye()));
        nowNs += TimeUnit.SECONDS.toNanos(6);
        isRefused(peer);
    }

    @Test
    void shouldTakeFramesInPiecesOfAnySize() {
        GpuTransfer transfer = new GpuTransfer(p, rogue, 99, random);
        transfers.add(transfer.piece(1000));
        int piece = transfer.sendAll().pieceNumber(0);
        RawPeer peer = dialled();
        GpuEndpoint self = GpuEndpoint.parse(rogue.plane.endpoint()).orElseThrow();
        List<LinkFrame> frames = new ArrayList<>();
        frames.add(new Hello(RawPeer.secret(p.plane), rogue.plane.endpoint()));
        frames.add(new Export(0, self.handle(), 0, rogue.arena.bytes()));
        List<PullPart> parts = new ArrayList<>();
        for (int i = 0; i < 1000; i++) {
            parts.add(new PullPart(i, 99, piece, i, 1, 0, rogue.arena.bytes() - 1000 + i));
        }
        frames.add(new Pull(parts));
        for (LinkFrame frame : frames) {
            ByteBuffer bytes = LinkCodec.encode(frame);
            while (bytes.hasRemaining()) {
                int most = random.nextInt(3) == 0 ? bytes.remaining() : 20;
                int cut = 1 + random.nextInt(Math.min(bytes.remaining(), most));
                peer.write(bytes.slice(bytes.position(), cut));
                bytes.position(bytes.position() + cut);
                steps(random.nextInt(3));
            }
        }
        stepUntil(() -> transfer.sendEnded(0));
        assertThat(transfer.sendError(0)).isNull();
        rogue.forgive(rogue.arena.slice(rogue.arena.bytes() - 1000, 1000));
        othersAreUnharmed();
    }

    /** Frames that a sender must not send about a ticket with parts 1 to 2 on their way. */
    static Stream<List<LinkFrame>> wrongFramesForAReceiver() {
        return Stream.of(
                List.of(new Written(List.of(77L))),
                List.of(new Written(List.of(1L, 1L))),
                List.of(new Written(List.of(1L)), new Written(List.of(1L))),
                List.of(new Pull(List.of(part(0, 0, 1, 0, 0)))),
                List.of(new Drop(1)),
                List.of(new Export(0, new byte[64], 0, 1)),
                List.of(new UniqueId(new byte[128])),
                List.of(new Hello(Token.random(), "again")));
    }

    @ParameterizedTest
    @MethodSource("wrongFramesForAReceiver")
    void shouldEndTheLinkOfASenderThatTalksNonsense(List<LinkFrame> frames) throws IOException {
        try (ServerSocketChannel door = RawPeer.door()) {
            GpuTransfer victim = new GpuTransfer(standIn(door), d, 99, random);
            transfers.add(victim.piece(1000).piece(1000).piece(500).receive());
            RawPeer peer = accept(door);
            steps(20);
            frames.forEach(peer::say);
            stepUntil(() -> peer.heard().contains(new Bye()));
            peer.say(new Bye());
            stepUntil(victim::receiveEnded);
            assertThat(victim.receiveError()).isEqualTo(KvError.PEER_LOST);
            othersAreUnharmed();
        }
    }

    @Test
    void shouldNotUseASlotTwiceWhenASenderSaysTwiceThatItIsFull() throws IOException {
        try (ServerSocketChannel door = RawPeer.door()) {
            GpuTransfer victim = new GpuTransfer(standIn(door), d, 99, random);
            transfers.add(victim.piece(1000, 1, Kind.DEVICE, Kind.PINNED).piece(1000).receive());
            RawPeer peer = accept(door);
            peer.say(new Ready(99, victim.pieceNumber(0), List.of()));
            List<Long> slots = new ArrayList<>();
            stepUntil(
                    () -> {
                        for (LinkFrame frame : peer.heard()) {
                            if (frame instanceof Pull pull) {
                                pull.parts().stream()
                                        .filter(part -> part.region() == PullReceiver.SPILL)
                                        .forEach(part -> slots.add(part.id()));
                            }
                        }
                        return !slots.isEmpty();
                    });
            peer.say(new Written(slots)).say(new Written(slots)).say(new Written(slots));
            steps(3);
            peer.say(new Written(slots));
            othersAreUnharmed();
            peer.say(new Bye());
            stepUntil(victim::over);
            victim.defects.clear(); // It believed the liar.
        }
    }

    @Test
    void shouldAskAPeerThatLivesOnWhetherItWritesNoMore() throws IOException {
        try (ServerSocketChannel door = RawPeer.door()) {
            GpuTransfer victim = new GpuTransfer(standIn(door), d, 99, random);
            transfers.add(victim.piece(1000).receive());
            RawPeer peer = accept(door);
            steps(20);
            peer.close();
            RawPeer again = accept(door);
            stepUntil(() -> again.heard().contains(new LinkFrame.Settle()));
            nowNs += TimeUnit.SECONDS.toNanos(60);
            settle();
            assertThat(victim.receiveEnded()).isFalse();
            again.say(new Settled());
            stepUntil(victim::over);
            assertThat(victim.receiveError()).isEqualTo(KvError.PEER_LOST);
            othersAreUnharmed();
            again.close();
        }
    }

    @Test
    void shouldTakeAClosedDoorForTheEndOfAPlaneAfterSomeSeconds() throws IOException {
        ServerSocketChannel door = RawPeer.door();
        GpuTransfer victim = new GpuTransfer(standIn(door), d, 99, random);
        transfers.add(victim.piece(1000).receive());
        RawPeer peer = accept(door);
        steps(20);
        door.close();
        peer.close();
        settle();
        assertThat(victim.receiveEnded()).isFalse();
        stepNs = 10_000_000;
        stepUntil(victim::over);
        othersAreUnharmed();
    }

    private RawPeer accept(ServerSocketChannel door) {
        List<RawPeer> accepted = new ArrayList<>();
        stepUntil(
                () -> {
                    RawPeer peer = RawPeer.accepted(door);
                    if (peer != null) {
                        accepted.add(opened(peer));
                    }
                    return peer != null;
                });
        return accepted.get(0);
    }

    /** The rogue's node, found at the door of a raw peer. */
    private GpuNode standIn(ServerSocketChannel door) {
        try {
            GpuEndpoint own = GpuEndpoint.parse(rogue.plane.endpoint()).orElseThrow();
            rogue.foundAt =
                    new GpuEndpoint(
                                    own.host(),
                                    own.process(),
                                    own.pid(),
                                    own.started(),
                                    own.pidNamespace(),
                                    own.gpu(),
                                    own.handle(),
                                    own.nccl(),
                                    new SecretAddress(
                                            (InetSocketAddress) door.getLocalAddress(),
                                            Token.random()))
                            .text();
            return rogue;
        } catch (IOException cause) {
            throw new IllegalStateException(cause);
        }
    }

    @Test
    void shouldReachOnlyWhatItCanMap() {
        GpuEndpoint own = GpuEndpoint.parse(d.plane.endpoint()).orElseThrow();
        assertThat(p.plane.reaches(own.text())).isTrue();
        assertThat(p.plane.reaches(own.text())).isTrue();
        assertThat(p.plane.reaches(changed(own, "another host", own.handle()).text())).isFalse();
        assertThat(p.plane.reaches(changed(own, "unknown", own.handle()).text())).isFalse();
        assertThat(p.plane.reaches(changed(own, own.host(), new byte[64]).text())).isFalse();
        assertThat(p.plane.reaches(changed(own, own.host(), new byte[0]).text())).isTrue();
        assertThat(p.plane.reaches("gpu;nonsense")).isFalse();
        assertThat(p.plane.reaches("")).isFalse();
        machine.cut(0, 2);
        assertThat(p.plane.reaches(rogue.plane.endpoint())).isFalse();
        p.plane.disconnect(d.plane.endpoint());
        assertThat(p.process.mappings()).isZero();
        p.process.failNext("map");
        assertThat(p.plane.reaches(own.text())).isFalse();
        othersAreUnharmed();
    }

    private static GpuEndpoint changed(GpuEndpoint endpoint, String host, byte[] handle) {
        return new GpuEndpoint(
                host,
                endpoint.process(),
                endpoint.pid(),
                endpoint.started(),
                endpoint.pidNamespace(),
                endpoint.gpu(),
                handle,
                endpoint.nccl(),
                endpoint.channel());
    }

    @Test
    void shouldForgetOldHandshakesThatLedToNothing() {
        GpuEndpoint own = GpuEndpoint.parse(d.plane.endpoint()).orElseThrow();
        for (int i = 0; i < 1000; i++) {
            byte[] handle = d.device.export(d.arena.address());
            assertThat(p.plane.reaches(changed(own, own.host(), handle).text())).isTrue();
        }
        assertThat(p.process.mappings()).isEqualTo(1);
        othersAreUnharmed();
    }

    @Test
    void shouldReachFromAnyThread() throws InterruptedException {
        GpuNode sibling = newSibling(p);
        List<Boolean> reached = new ArrayList<>();
        Thread control =
                new Thread(
                        () -> {
                            reached.add(p.plane.reaches(d.plane.endpoint()));
                            reached.add(p.plane.reaches(sibling.plane.endpoint()));
                        });
        control.start();
        control.join();
        assertThat(reached).containsExactly(true, true);
        othersAreUnharmed();
    }
}
