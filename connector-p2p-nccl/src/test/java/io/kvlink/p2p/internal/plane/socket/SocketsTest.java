// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.socket;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.plane.FailureLog;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/** Two nodes' sockets, stepped by the test; time is the test's own. */
final class SocketsTest {

    private static final long PATIENCE_NS = TimeUnit.SECONDS.toNanos(60);
    private static final int STRANGERS = 2;
    private static final long GREETING_NS = TimeUnit.SECONDS.toNanos(5);
    private static final long CONNECT_NS = TimeUnit.SECONDS.toNanos(6);

    private final List<Peer> visitors = new ArrayList<>();
    private long nowNs = Long.MAX_VALUE - 1_000_000; // Soon overflows, as System.nanoTime may.
    private Sockets here;
    private Sockets there;

    /** Handler that remembers what it was told. */
    private static final class Peer implements Connection.Handler {
        final Connection connection;
        final ByteBuffer in = ByteBuffer.allocate(100);
        String closed = "";
        boolean connected;
        int writable;

        Peer(Connection connection) {
            this.connection = connection;
        }

        @Override
        public void onConnected(long nowNs) {
            connected = true;
        }

        @Override
        public int onReadable(long nowNs) throws IOException {
            if (connection.channel().read(in) < 0) {
                throw new IOException("it has gone");
            }
            return 1;
        }

        @Override
        public int onWritable(long nowNs) {
            assertThat(connection.flushed()).isTrue();
            connection.awaitWritable(false);
            return ++writable;
        }

        @Override
        public String overdue(long nowNs) {
            return "";
        }

        @Override
        public void onClosed(String reason) {
            assertThat(closed).isEmpty();
            closed = reason;
        }
    }

    @BeforeEach
    void listen() throws IOException {
        FailureLog failures = new FailureLog(LoggerFactory.getLogger(SocketsTest.class));
        Sockets.Limits limits = new Sockets.Limits(STRANGERS, GREETING_NS, CONNECT_NS);
        here = Sockets.listen("127.0.0.1", 0, limits, failures, Peer::new);
        there = Sockets.listen("127.0.0.1", 0, limits, failures, this::visitor);
    }

    private Peer visitor(Connection connection) {
        Peer peer = new Peer(connection);
        visitors.add(peer);
        return peer;
    }

    @AfterEach
    void close() {
        here.close();
        there.close();
    }

    private void step() {
        nowNs += 1000;
        for (Sockets each : List.of(here, there)) {
            each.poll(nowNs);
            each.runScheduled();
            each.sweep();
        }
    }

    private void until(BooleanSupplier done) {
        long startNs = System.nanoTime();
        while (!done.getAsBoolean()) {
            assertThat(System.nanoTime() - startNs).isLessThan(PATIENCE_NS);
            step();
        }
    }

    private void pass(long passedNs) {
        nowNs += passedNs;
        step();
        step();
    }

    /** A connection from here; its other end is the last visitor. */
    private Peer dialled() throws IOException {
        int before = visitors.size();
        Peer peer = here.dial(there.address(), Peer::new);
        until(() -> peer.connected && visitors.size() > before);
        return peer;
    }

    @Test
    void shouldWriteWhatWasQueuedBeforeItWasConnected() throws IOException {
        Peer peer = here.dial(there.address(), Peer::new);
        peer.connection.queue(ByteBuffer.wrap(new byte[] {1, 2, 3}));
        assertThat(peer.connection.flushed()).isFalse();
        until(() -> !visitors.isEmpty() && visitors.get(0).in.position() == 3);
        assertThat(peer.writable).isPositive();
    }

    @Test
    void shouldTurnTheOldestStrangerAway() throws IOException {
        for (int i = 0; i < STRANGERS; i++) {
            dialled();
        }
        assertThat(visitors).allMatch(peer -> peer.closed.isEmpty());
        dialled();
        assertThat(visitors.get(0).closed).isEqualTo("too many strangers");
        assertThat(visitors.get(1).closed + visitors.get(2).closed).isEmpty();
    }

    @Test
    void shouldKeepWhomItKnowsHoweverManyStrangersCome() throws IOException {
        dialled();
        visitors.get(0).connection.admitted();
        for (int i = 0; i < 3 * STRANGERS; i++) {
            dialled();
        }
        pass(2 * GREETING_NS);
        assertThat(visitors.get(0).closed).isEmpty();
    }

    @Test
    void shouldGiveUpAStrangerThatDoesNotGreet() throws IOException {
        dialled();
        dialled();
        visitors.get(1).connection.greeted();
        pass(GREETING_NS - TimeUnit.SECONDS.toNanos(1));
        assertThat(visitors.get(0).closed).isEmpty();
        pass(TimeUnit.SECONDS.toNanos(2));
        assertThat(visitors.get(0).closed).isEqualTo("no greeting in time");
        assertThat(visitors.get(1).closed).isEmpty();
    }

    @Test
    void shouldTellOfADialThatIsRefused() throws IOException {
        InetSocketAddress nobody;
        try (ServerSocket closed = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            nobody = (InetSocketAddress) closed.getLocalSocketAddress();
        }
        Peer peer = here.dial(nobody, Peer::new);
        assertThat(peer.closed).isEmpty();
        until(() -> !peer.closed.isEmpty());
        assertThat(peer.connection.refused()).isTrue();
        assertThat(here.size()).isZero();
    }

    @Test
    void shouldTellOfAPeerThatHasGone() throws IOException {
        Peer peer = dialled();
        visitors.get(0).connection.close();
        until(() -> !peer.closed.isEmpty());
        assertThat(peer.closed).contains("it has gone");
        assertThat(peer.connection.refused()).isFalse();
        assertThat(visitors.get(0).closed).as("it was its own doing").isEmpty();
    }

    @Test
    void shouldGiveUpAPeerThatDoesNotRead() throws IOException {
        Peer peer = here.dial(there.address(), Peer::new);
        ByteBuffer much = ByteBuffer.allocate(32 << 20);
        for (int i = 0; i < 3; i++) {
            peer.connection.queue(much.duplicate());
        }
        assertThat(peer.closed).as("a caller is told by a poll only").isEmpty();
        step();
        assertThat(peer.closed).startsWith("the peer doesn't read; queued=");
    }

    @Test
    void shouldNotReadWhileAHandlerWantsNothing() throws IOException {
        Peer peer = dialled();
        visitors.get(0).connection.read(false);
        peer.connection.queue(ByteBuffer.wrap(new byte[10]));
        until(peer.connection::flushed);
        for (int i = 0; i < 100; i++) {
            step();
        }
        assertThat(visitors.get(0).in.position()).isZero();
        visitors.get(0).connection.read(true);
        until(() -> visitors.get(0).in.position() == 10);
    }

    @Test
    void shouldNotIdleWhileSomebodyWaitsForATurn() throws IOException {
        Peer peer = dialled();
        peer.connection.schedule();
        long startNs = System.nanoTime();
        here.idle(PATIENCE_NS);
        here.runScheduled();
        here.wakeup();
        here.idle(PATIENCE_NS);
        assertThat(System.nanoTime() - startNs).isLessThan(PATIENCE_NS);
    }
}
