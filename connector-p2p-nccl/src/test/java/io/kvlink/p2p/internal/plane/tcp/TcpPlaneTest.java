// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.tcp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.p2p.internal.plane.Bytes;
import io.kvlink.p2p.internal.plane.DataPlane;
import io.kvlink.p2p.internal.plane.DataPlaneContract;
import io.kvlink.p2p.internal.plane.Token;
import io.kvlink.p2p.internal.plane.socket.SecretAddress;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvMetric;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** The contract over TCP, and what only a network can do to a plane. */
class TcpPlaneTest extends DataPlaneContract {

    private static final long PREAMBLE_NS = TimeUnit.SECONDS.toNanos(5);
    private static final long CONNECT_NS = TimeUnit.SECONDS.toNanos(6);
    private static final long STALL_NS = TimeUnit.SECONDS.toNanos(30);
    private static final int MAX_STRANGERS = 4;
    private static final int MAX_CONNECTIONS = 8;
    private static final long MAX_PIECE_BYTES = 10 << 20;

    @Override
    protected DataPlane newPlane() {
        return TcpPlane.open(
                new TcpPlaneConfig(
                        "127.0.0.1",
                        0,
                        "",
                        MAX_PIECE_BYTES,
                        MAX_CONNECTIONS,
                        MAX_STRANGERS,
                        PREAMBLE_NS,
                        CONNECT_NS,
                        STALL_NS));
    }

    @Override
    protected boolean parks(DataPlane plane) {
        return ((TcpPlane) plane).parks();
    }

    /** A transfer from p to d works. */
    private void assertGoesOn(long ticket) {
        Bytes source = source(200_000);
        Bytes destination = destination(200_000);
        receive(p, ticket, 0, destination);
        send(d, ticket, 0, source);
        stepUntilReceived("received ticket=%d piece=0".formatted(ticket));
        assertThat(destination.holds(source)).isTrue();
    }

    @Test
    void shouldTakeFramesInPiecesOfAnySize() {
        Bytes[] sources = {source(1), source(100), source(0), source(5000)};
        Bytes[] destinations = {
            destination(1), destination(100), destination(0), destination(5000)
        };
        d.receive(RawSender.receiveOp(1, 0, receives, destinations));
        try (RawSender raw = RawSender.connect(d).preamble()) {
            for (int piece = 0; piece < 4; piece++) {
                ByteBuffer frame = RawSender.frame(piece, 1, sources[piece]);
                while (frame.hasRemaining()) {
                    int size = Math.min(frame.remaining(), 1 + random.nextInt(50));
                    raw.write(frame.slice(frame.position(), size));
                    frame.position(frame.position() + size);
                    step();
                }
            }
            stepUntilReceived("received ticket=1 piece=3");
        }
        for (int piece = 0; piece < 4; piece++) {
            assertThat(destinations[piece].holds(sources[piece])).isTrue();
        }
    }

    @Test
    void shouldRefuseTheWrongSecret() {
        Bytes destination = destination(10);
        d.receive(RawSender.receiveOp(1, 0, receives, destination));
        try (RawSender raw = RawSender.connect(d).preamble(Token.random())) {
            raw.write(RawSender.frame(0, 1, source(10)));
            stepUntil(raw::refused);
        }
        assertThat(destination.untouched()).isTrue();
        assertThat(receives.events()).isEmpty();
        assertGoesOn(2);
    }

    @Test
    void shouldGiveUpStrangersThatSayNothing() {
        try (RawSender raw = RawSender.connect(d)) {
            settle();
            nowNs += PREAMBLE_NS - TimeUnit.SECONDS.toNanos(1);
            settle();
            assertThat(raw.refused()).isFalse();
            nowNs += TimeUnit.SECONDS.toNanos(1);
            stepUntil(raw::refused);
        }
    }

    @Test
    void shouldServeSendersWhileStrangersCrowdTheDoor() {
        List<RawSender> strangers = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            strangers.add(RawSender.connect(d));
        }
        assertGoesOn(1);
        assertThat(strangers.stream().filter(each -> !each.refused()).count())
                .isLessThanOrEqualTo(MAX_STRANGERS);
        strangers.forEach(RawSender::close);
    }

    @Test
    void shouldRefuseMoreSendersThanConfigured() {
        List<DataPlane> senders = new ArrayList<>();
        for (int i = 0; i < MAX_CONNECTIONS; i++) {
            DataPlane sender = opened();
            senders.add(sender);
            receive(sender, i, 0, destination(10));
            send(sender, d, i, 0, List.of(source(10).region()));
            stepUntilReceived("received ticket=%d piece=0".formatted(i));
        }
        try (RawSender raw = RawSender.connect(d).preamble()) {
            stepUntil(raw::refused);
        }
        close(senders.get(0));
        settle();
        assertGoesOn(100);
    }

    @Test
    void shouldFailTheReceiveWhenTheSenderDiesWithinAFrame() {
        Bytes source = source(100_000);
        d.receive(RawSender.receiveOp(1, 0, receives, destination(100_000)));
        try (RawSender raw = RawSender.connect(d).preamble()) {
            raw.header(0, 1, 100_000).bytes(source, 0, 50_000);
            settle();
        }
        stepUntilReceived("receive PEER_LOST ticket=1");
        assertGoesOn(2);
    }

    @Test
    void shouldFailTheReceiveWhenItsFrameStandsStill() {
        Bytes source = source(100_000);
        d.receive(RawSender.receiveOp(1, 0, receives, destination(100_000)));
        try (RawSender raw = RawSender.connect(d).preamble()) {
            raw.header(0, 1, 100_000).bytes(source, 0, 50_000);
            settle();
            nowNs += STALL_NS - TimeUnit.SECONDS.toNanos(1);
            raw.bytes(source, 50_000, 50_001);
            settle();
            nowNs += STALL_NS - TimeUnit.SECONDS.toNanos(1);
            settle();
            assertThat(receives.events()).isEmpty();
            nowNs += TimeUnit.SECONDS.toNanos(1);
            stepUntilReceived("receive PEER_LOST ticket=1");
            assertThat(raw.refused()).isTrue();
        }
    }

    @Test
    void shouldGiveUpAHeaderThatStandsStill() {
        try (RawSender raw = RawSender.connect(d).preamble()) {
            raw.write(ByteBuffer.allocate(1));
            settle();
            nowNs += STALL_NS;
            stepUntil(raw::refused);
        }
    }

    @Test
    void shouldKeepAConnectionThatHasNothingToSay() {
        Bytes source = source(10);
        Bytes destination = destination(10);
        try (RawSender raw = RawSender.connect(d).preamble()) {
            settle();
            nowNs += 10 * STALL_NS;
            settle();
            assertThat(raw.refused()).isFalse();
            d.receive(RawSender.receiveOp(1, 0, receives, destination));
            raw.write(RawSender.frame(0, 1, source));
            stepUntilReceived("received ticket=1 piece=0");
        }
        assertThat(destination.holds(source)).isTrue();
    }

    @Test
    void shouldNotMakeASenderPayForOurOwnDelay() {
        Bytes source = source(100_000);
        Bytes destination = destination(100_000);
        d.receive(RawSender.receiveOp(1, 0, receives, destination));
        try (RawSender raw = RawSender.connect(d).preamble()) {
            raw.header(0, 1, 100_000).bytes(source, 0, 50_000);
            settle();
            raw.bytes(source, 50_000, 100_000);
            nowNs += 10 * STALL_NS; // This thread slept; the bytes were there.
            stepUntilReceived("received ticket=1 piece=0");
        }
        assertThat(destination.holds(source)).isTrue();
    }

    @Test
    void shouldCloseOnALengthBeyondTheLimit() {
        for (long length : new long[] {MAX_PIECE_BYTES + 1, Long.MAX_VALUE, -1, Long.MIN_VALUE}) {
            try (RawSender raw = RawSender.connect(d).preamble().header(0, 1, length)) {
                stepUntil(raw::refused);
            }
        }
        assertGoesOn(2);
    }

    @Test
    void shouldCloseOnBytesThatAreNoHeader() {
        d.receive(RawSender.receiveOp(1, 0, receives, destination(10), destination(10)));
        try (RawSender raw = RawSender.connect(d).preamble()) {
            raw.write(RawSender.frame(0, 1, source(10)));
            raw.write(ByteBuffer.allocate(TcpWire.HEADER_BYTES));
            stepUntil(raw::refused);
        }
        assertThat(receives.events())
                .containsExactly("received ticket=1 piece=0", "receive MALFORMED_FRAME ticket=1");
    }

    @Test
    void shouldFreeTheDestinationAtOnceWhenCancelledWithinAFrame() {
        Bytes source = source(100_000);
        Bytes next = source(5_000);
        Bytes cancelled = destination(100_000);
        Bytes destination = destination(5_000);
        d.receive(RawSender.receiveOp(1, 0, receives, cancelled));
        d.receive(RawSender.receiveOp(2, 7, receives, destination));
        try (RawSender raw = RawSender.connect(d).preamble()) {
            raw.header(0, 1, 100_000).bytes(source, 0, 50_000);
            stepUntil(() -> cancelled.startsLike(source, 50_000));

            d.cancelReceive(1);

            assertThat(receives.events()).containsExactly("receive CANCELLED ticket=1");
            cancelled.poison();
            raw.bytes(source, 50_000, 100_000).write(RawSender.frame(7, 2, next));
            stepUntilReceived("received ticket=2 piece=7");
        }
        assertThat(cancelled.untouched()).isTrue();
        assertThat(destination.holds(next)).isTrue();
    }

    @Test
    void shouldReplaceTheOlderConnectionOfASender() {
        Bytes source = source(10);
        Bytes destination = destination(10);
        d.receive(RawSender.receiveOp(1, 0, receives, destination(10), destination(10)));
        d.receive(RawSender.receiveOp(3, 0, receives, destination(10)));
        try (RawSender older = RawSender.connect(d).preamble()) {
            older.write(RawSender.frame(0, 1, source));
            stepUntilReceived("received ticket=1 piece=0");
            try (RawSender newer = RawSender.connect(d).preamble()) {
                settle();
                assertThat(older.refused()).as("before a ticket was shown").isFalse();
                d.receive(RawSender.receiveOp(2, 0, receives, destination));
                newer.write(RawSender.frame(0, 2, source));
                stepUntilReceived("received ticket=2 piece=0");
                stepUntil(older::refused);
            }
        }
        assertThat(receives.has("receive PEER_LOST ticket=1")).isTrue();
        assertThat(receives.has("receive PEER_LOST ticket=3")).as("perhaps sent before").isTrue();
        assertThat(destination.holds(source)).isTrue();
    }

    /** The older connection may have lost a piece of it. */
    @Test
    void shouldFailWhatWasGrantedBeforeTheNewerConnectionCame() {
        Bytes source = source(10);
        d.receive(RawSender.receiveOp(1, 0, receives, destination(10), destination(10)));
        try (RawSender older = RawSender.connect(d).preamble()) {
            older.write(RawSender.frame(0, 1, source));
            stepUntilReceived("received ticket=1 piece=0");
            try (RawSender newer = RawSender.connect(d).preamble()) {
                newer.write(RawSender.frame(1, 1, source));
                stepUntilReceived("receive PEER_LOST ticket=1");
                Bytes destination = destination(10);
                d.receive(RawSender.receiveOp(2, 0, receives, destination));
                newer.write(RawSender.frame(0, 2, source));
                stepUntilReceived("received ticket=2 piece=0");
                assertThat(destination.holds(source)).isTrue();
            }
        }
        assertThat(refusedFrames()).isZero();
    }

    private double refusedFrames() {
        return d.metrics().stream()
                .filter(metric -> metric.name().equals("refused_frames_total"))
                .mapToDouble(KvMetric::value)
                .sum();
    }

    /** Small tickets are what a stranger tries first. */
    @Test
    void shouldCloseAConnectionThatGuessesTickets() {
        Bytes source = source(10);
        Bytes destination = destination(10);
        long ticket = 0x1234_5678_9abcL;
        d.receive(RawSender.receiveOp(ticket, 0, receives, destination, destination(10)));
        try (RawSender sender = RawSender.connect(d).preamble()) {
            sender.write(RawSender.frame(1, ticket, source));
            stepUntilReceived("received ticket=" + ticket + " piece=1");
            for (long guess : new long[] {1, 0, -1, ticket + 1}) {
                try (RawSender guesser = RawSender.connect(d).preamble()) {
                    guesser.write(RawSender.frame(0, guess, source(10)));
                    stepUntil(guesser::refused);
                }
            }
            assertThat(refusedFrames()).isEqualTo(4);
            sender.write(RawSender.frame(0, ticket, source));
            stepUntilReceived("received ticket=" + ticket + " piece=0");
        }
        assertThat(destination.holds(source)).isTrue();
        assertThat(receives.events()).as("the sender's own only").hasSize(2);
    }

    /** A sender of tickets of its own has no right to another's, though it knows the number. */
    @Test
    void shouldRefuseATicketThatWasGrantedToAnotherSession() {
        Bytes mine = source(10);
        Bytes stolen = destination(10);
        receive(p, 7, 0, stolen);
        d.receive(RawSender.receiveOp(8, 0, receives, destination(10), destination(10)));
        try (RawSender rogue = RawSender.connect(d).preamble()) {
            rogue.write(RawSender.frame(0, 8, source(10)));
            stepUntilReceived("received ticket=8 piece=0");
            rogue.write(RawSender.frame(0, 7, source(10)));
            stepUntil(rogue::refused);
        }
        assertThat(receives.has("receive MALFORMED_FRAME ticket=8")).isTrue();
        assertThat(refusedFrames()).isEqualTo(1);
        send(d, 7, 0, mine);
        stepUntilReceived("received ticket=7 piece=0");
        assertThat(stolen.holds(mine)).isTrue();
    }

    /** A peer that knows the secret may come in the sender's name, but has no ticket. */
    @Test
    void shouldNotLetTheNameOfASenderBeTaken() {
        Bytes source = source(10);
        Bytes destination = destination(10);
        receive(p, 7, 0, destination);
        try (RawSender before = RawSender.connect(d).preambleOf(p.endpoint())) {
            settle();
            send(d, 7, 0, source);
            stepUntilReceived("received ticket=7 piece=0");
            receive(p, 9, 0, destination(10));
            try (RawSender after = RawSender.connect(d).preambleOf(p.endpoint())) {
                settle();
                after.write(RawSender.frame(0, 7, source(10)));
                stepUntil(after::refused);
            }
            send(d, 9, 0, source);
            stepUntilReceived("received ticket=9 piece=0");
        }
        settle();
        assertThat(destination.holds(source)).isTrue();
        assertThat(receives.events()).hasSize(2);
    }

    /** Pieces on their way when a receive is given up come once, and no more than that. */
    @Test
    void shouldDropLatePiecesAsOftenAsTheyMayCome() {
        Bytes source = source(10);
        d.receive(RawSender.receiveOp(1, 0, receives, destination(10), destination(10)));
        Bytes next = destination(10);
        try (RawSender raw = RawSender.connect(d).preamble()) {
            d.cancelReceive(1);
            raw.write(RawSender.frame(0, 1, source)).write(RawSender.frame(1, 1, source));
            d.receive(RawSender.receiveOp(2, 0, receives, next));
            raw.write(RawSender.frame(0, 2, source));
            stepUntilReceived("received ticket=2 piece=0");
            assertThat(refusedFrames()).isZero();
            raw.write(RawSender.frame(0, 1, source));
            stepUntil(raw::refused);
        }
        assertThat(next.holds(source)).isTrue();
        assertThat(refusedFrames()).isEqualTo(1);
    }

    @Test
    void shouldFailSendsWhenTheReceiverReadsNothing() throws IOException {
        try (DeafReceiver deaf = new DeafReceiver(16)) {
            p.send(op(deaf.endpoint(), 1, source(9 << 20)));
            p.send(op(deaf.endpoint(), 2, source(10)));
            settle();
            nowNs += STALL_NS - TimeUnit.SECONDS.toNanos(1);
            settle();
            assertThat(sends.events()).isEmpty();
            nowNs += TimeUnit.SECONDS.toNanos(1);
            stepUntilSent("send PEER_LOST ticket=1 piece=0");
            assertThat(sends.has("send PEER_LOST ticket=2 piece=0")).isTrue();
        }
    }

    @Test
    void shouldFinishAFrameThatHasBegunAndCancelTheRest() throws IOException {
        try (DeafReceiver deaf = new DeafReceiver(16)) {
            p.send(op(deaf.endpoint(), 1, source(9 << 20)));
            p.send(op(deaf.endpoint(), 1, source(10)));
            settle();

            p.cancelSends(deaf.endpoint(), 1);

            assertThat(sends.events()).containsExactly("send CANCELLED ticket=1 piece=0");
            deaf.listen();
            stepUntil(
                    () -> {
                        deaf.read();
                        return sends.has("sent ticket=1 piece=0");
                    });
            long expected = TcpWire.PREAMBLE_BYTES + TcpWire.HEADER_BYTES + (9L << 20);
            stepUntil(() -> deaf.read() == expected);
        }
    }

    @Test
    void shouldFailSendsWhenTheReceiverSpeaks() throws IOException {
        try (DeafReceiver deaf = new DeafReceiver(16)) {
            p.send(op(deaf.endpoint(), 1, source(9 << 20)));
            settle();
            deaf.listen();
            deaf.speak();
            stepUntilSent("send PEER_LOST ticket=1 piece=0");
        }
    }

    @Test
    void shouldRefuseToSendMoreThanTheLimit() {
        Bytes source = source((int) MAX_PIECE_BYTES + 1);
        send(d, 1, 0, source);
        stepUntilSent("send TOO_LARGE ticket=1 piece=0");
        assertGoesOn(2);
    }

    @Test
    void shouldFailSendsWhenNobodyAccepts() throws IOException {
        try (DeafReceiver deaf = new DeafReceiver(1)) {
            List<SocketChannel> crowd = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                SocketChannel channel = SocketChannel.open();
                channel.configureBlocking(false);
                channel.connect(deaf.address());
                crowd.add(channel);
            }
            p.send(op(deaf.endpoint(), 1, source(10)));
            settle();
            nowNs += CONNECT_NS - TimeUnit.SECONDS.toNanos(1);
            settle();
            Assumptions.assumeTrue(
                    sends.events().isEmpty(), "this kernel accepts beyond the backlog");
            nowNs += TimeUnit.SECONDS.toNanos(1);
            stepUntilSent("send PEER_LOST ticket=1 piece=0");
            for (SocketChannel channel : crowd) {
                channel.close();
            }
        }
    }

    private DataPlane.SendOp op(String endpoint, long ticket, Bytes source) {
        return new DataPlane.SendOp(
                endpoint, ticket, 0, List.of(source.region()), source.region().bytes(), sends);
    }

    @Test
    void shouldLeaveNoDescriptorAndNoThread() throws IOException {
        stepAFailingLife();
        long descriptors = openDescriptors();
        int threads = Thread.activeCount();

        for (int i = 0; i < 5; i++) {
            stepAFailingLife();
        }

        assertThat(openDescriptors()).isEqualTo(descriptors);
        assertThat(Thread.activeCount()).isEqualTo(threads);
    }

    private void stepAFailingLife() {
        receives.events().clear();
        DataPlane sender = opened();
        DataPlane receiver = opened();
        receive(receiver, sender, 1, 0, destination(1 << 20), destination(1 << 20));
        send(sender, receiver, 1, 0, List.of(source(1 << 20).region()));
        stepUntilReceived("received ticket=1 piece=0");
        try (RawSender refused = RawSender.connect(receiver).preamble(Token.random());
                RawSender stranger = RawSender.connect(receiver)) {
            stepUntil(refused::refused);
            send(sender, receiver, 1, 1, List.of(source(1 << 20).region()));
            sender.poll(nowNs);
            close(receiver);
            stepUntil(stranger::refused);
        }
        close(sender);
    }

    private static long openDescriptors() throws IOException {
        Path descriptors = Path.of("/proc/self/fd");
        Assumptions.assumeTrue(Files.isDirectory(descriptors), "no /proc on this system");
        try (Stream<Path> each = Files.list(descriptors)) {
            return each.count();
        }
    }

    @Test
    void shouldSayWhyItCannotListen() {
        int taken = SecretAddress.parse(d.endpoint()).orElseThrow().socketAddress().getPort();
        assertThatThrownBy(() -> TcpPlane.open(TcpPlaneConfig.usual("127.0.0.1", taken, "")))
                .isInstanceOf(KvConnectorException.class)
                .hasMessageStartingWith(
                        "BAD_CONFIG(1): tcp.bindHost=127.0.0.1 tcp.bindPort=" + taken)
                .hasMessageEndingWith("choose an address of this host and a free port");
        assertThatThrownBy(() -> TcpPlane.open(TcpPlaneConfig.usual("0.0.0.0", 0, "")))
                .hasMessageContaining("set tcp.advertisedHost to the one that peers reach");
        assertThatThrownBy(() -> TcpPlaneConfig.usual("127.0.0.1", 65536, ""))
                .hasMessageContaining("tcp.bindPort=65536; expected 0..65535");
    }

    @Test
    void shouldTellPeersTheAdvertisedHost() {
        try (TcpPlane plane = TcpPlane.open(TcpPlaneConfig.usual("0.0.0.0", 0, "127.0.0.2"))) {
            assertThat(plane.endpoint()).startsWith("127.0.0.2:");
        }
        try (TcpPlane plane = TcpPlane.open(TcpPlaneConfig.usual("localhost", 0, ""))) {
            assertThat(plane.reaches(plane.endpoint())).isTrue();
        }
    }

    /** Accepts connections, and reads only when told to. */
    private static final class DeafReceiver implements AutoCloseable {
        private final ServerSocketChannel door = ServerSocketChannel.open();
        private final Token secret = Token.random();
        private final ByteBuffer buffer = ByteBuffer.allocate(1 << 20);
        private SocketChannel channel;
        private long count;

        DeafReceiver(int backlog) throws IOException {
            // Small buffers, so that a piece doesn't fit into them.
            door.setOption(StandardSocketOptions.SO_RCVBUF, 16 * 1024);
            door.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), backlog);
        }

        InetSocketAddress address() throws IOException {
            return (InetSocketAddress) door.getLocalAddress();
        }

        String endpoint() throws IOException {
            return new SecretAddress(address(), secret).text();
        }

        void listen() throws IOException {
            channel = door.accept();
            channel.configureBlocking(false);
        }

        void speak() throws IOException {
            channel.write(ByteBuffer.allocate(1));
        }

        long read() {
            try {
                count += channel.read(buffer.clear());
                return count;
            } catch (IOException cause) {
                throw new AssertionError(cause);
            }
        }

        @Override
        public void close() throws IOException {
            door.close();
            if (channel != null) {
                channel.close();
            }
        }
    }
}
