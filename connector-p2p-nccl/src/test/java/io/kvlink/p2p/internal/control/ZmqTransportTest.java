// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.control;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.kvlink.p2p.internal.control.ControlTransport.Link;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.zmq.ZmqContext;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.zeromq.SocketType;
import org.zeromq.ZMQ;

@Timeout(60)
final class ZmqTransportTest {

    private static final String LOCAL = "127.0.0.1";
    private static final long DEADLINE_NS = TimeUnit.SECONDS.toNanos(20);
    private static final long STEP_NS = TimeUnit.MILLISECONDS.toNanos(20);

    private final List<Node> nodes = new ArrayList<>();

    @AfterEach
    void nothingIsLeft() {
        nodes.forEach(node -> node.transport.close());
        assertThat(kvThreads()).isEmpty();
    }

    @Test
    void shouldCarryFramesBothWays() {
        Node server = node();
        Node client = node();
        Link out = client.transport.dial(server.transport.address());
        assertThat(client.transport.send(out, bytes("hello"))).isTrue();
        server.await(1);
        assertThat(server.text(0)).isEqualTo("hello");

        assertThat(server.transport.send(server.link(0), bytes("accept"))).isTrue();
        client.await(1);
        assertThat(client.text(0)).isEqualTo("accept");
        assertThat(client.link(0)).isSameAs(out);
    }

    @Test
    void shouldKeepTheOrderOfALinkAndTellDiallersApart() {
        Node server = node();
        Node first = node();
        Node second = node();
        Link a = first.transport.dial(server.transport.address());
        Link b = second.transport.dial(server.transport.address());
        for (int i = 0; i < 100; i++) {
            assertThat(first.transport.send(a, bytes("a" + i))).isTrue();
            assertThat(second.transport.send(b, bytes("b" + i))).isTrue();
        }
        server.await(200);

        assertThat(new HashSet<>(server.links)).hasSize(2);
        for (Link link : new HashSet<>(server.links)) {
            List<String> texts = server.textsOf(link);
            String name = texts.get(0).substring(0, 1);
            assertThat(texts).hasSize(100);
            for (int i = 0; i < 100; i++) {
                assertThat(texts.get(i)).isEqualTo(name + i);
            }
            assertThat(server.transport.send(link, bytes("to " + name))).isTrue();
        }
        first.await(1);
        second.await(1);
        assertThat(first.text(0)).isEqualTo("to a");
        assertThat(second.text(0)).isEqualTo("to b");
    }

    @Test
    void shouldGiveEachDialItsOwnLink() {
        Node server = node();
        Node client = node();
        Link one = client.transport.dial(server.transport.address());
        Link two = client.transport.dial(server.transport.address());
        client.transport.send(one, bytes("1"));
        client.transport.send(two, bytes("2"));
        server.await(2);
        assertThat(server.link(0)).isNotEqualTo(server.link(1));
    }

    @Test
    void shouldNotStallFreshConnections() {
        // Without PollerPulse some 2 % stall until JeroMQ's handshake timeout of 2 s.
        Node server = node();
        Node client = node();
        int slow = 0;
        for (int i = 1; i <= 200; i++) {
            long beforeNs = System.nanoTime();
            Link out = client.transport.dial(server.transport.address());
            client.transport.send(out, bytes("x"));
            server.await(i);
            slow += System.nanoTime() - beforeNs > TimeUnit.MILLISECONDS.toNanos(1500) ? 1 : 0;
            client.transport.hangUp(out);
        }
        // One for a machine that is busy elsewhere.
        assertThat(slow).isLessThanOrEqualTo(1);
    }

    @Test
    void shouldTakeNoMoreThanAskedAndServeEachLinkInTurn() {
        Node server = node();
        Node client = node();
        Link busy = client.transport.dial(server.transport.address());
        Link quiet = client.transport.dial(server.transport.address());
        client.transport.send(busy, bytes("busy"));
        client.transport.send(quiet, bytes("quiet"));
        server.await(2);
        Link toBusy = server.links.get(server.texts.indexOf("busy"));
        Link toQuiet = server.links.get(server.texts.indexOf("quiet"));
        for (int i = 0; i < 200; i++) {
            assertThat(server.transport.send(toBusy, bytes("b"))).isTrue();
        }
        server.transport.send(toQuiet, bytes("q"));
        for (int i = 0; !client.texts.contains("q"); i++) {
            assertThat(i).as("calls until the quiet link's turn").isLessThan(2000);
            client.transport.idle(STEP_NS);
            assertThat(client.transport.poll(client, 4)).isLessThanOrEqualTo(4);
        }
        client.await(201);
    }

    @Test
    void shouldRefuseToSendAfterHangUpAndStillDeliverLastWords() {
        Node server = node();
        Node client = node();
        Link out = client.transport.dial(server.transport.address());
        client.transport.send(out, bytes("hello"));
        server.await(1);
        client.transport.send(out, bytes("bye"));
        client.transport.hangUp(out);
        client.transport.hangUp(out);
        assertThat(client.transport.send(out, bytes("more"))).isFalse();
        server.await(2);
        assertThat(server.text(1)).isEqualTo("bye");

        // The other side learns that the link is gone by a send that says so.
        Link gone = server.link(0);
        until(() -> !server.transport.send(gone, bytes("anybody?")), server);
        server.transport.hangUp(gone);
    }

    @Test
    void shouldDeliverLastWordsOfAClosedTransport() {
        Node server = node();
        Node client = node();
        Link out = client.transport.dial(server.transport.address());
        client.transport.send(out, bytes("hello"));
        server.await(1);
        client.transport.send(out, bytes("bye"));
        client.transport.close();
        client.transport.close();
        server.await(2);
        assertThat(server.text(1)).isEqualTo("bye");
    }

    @Test
    void shouldReachAnotherTransportThatTookTheSamePort() {
        Node before = node();
        HostPort address = before.transport.address();
        Node client = node();
        Link old = client.transport.dial(address);
        client.transport.send(old, bytes("to the first"));
        before.await(1);
        before.transport.close();

        Node after = node(address.port());
        assertThat(after.transport.address()).isEqualTo(address);
        client.transport.hangUp(old);
        Link fresh = client.transport.dial(address);
        client.transport.send(fresh, bytes("to the second"));
        after.await(1);
        assertThat(after.text(0)).isEqualTo("to the second");
        assertThat(after.transport.send(after.link(0), bytes("welcome"))).isTrue();
        client.await(1);
        assertThat(client.link(0)).isSameAs(fresh);
        assertThat(after.transport.send(before.link(0), bytes("who?"))).isFalse();
    }

    @Test
    void shouldDialAPeerThatIsNotThereYet() {
        Node probe = node();
        HostPort address = probe.transport.address();
        probe.transport.close();
        Node client = node();
        Link out = client.transport.dial(address);
        assertThat(client.transport.send(out, bytes("early"))).isTrue();
        client.transport.poll(client, 10);
        Node server = node(address.port());
        server.await(1);
        assertThat(server.text(0)).isEqualTo("early");
    }

    @Test
    void shouldDialNames() {
        Node server = node();
        Node client = node();
        Link out =
                client.transport.dial(new HostPort("localhost", server.transport.address().port()));
        assertThat(client.transport.send(out, bytes("by name"))).isTrue();
        until(() -> server.step() + client.step() >= 0 && !server.texts.isEmpty(), client);
        assertThat(server.text(0)).isEqualTo("by name");
    }

    @Test
    void shouldSayThatANameWithoutAddressIsGone() {
        Node client = node();
        Link out = client.transport.dial(new HostPort("no-such-host.invalid", 1));
        until(() -> !client.transport.send(out, bytes("x")), client);
    }

    @Test
    void shouldCarryFramesOverIpv6() throws IOException {
        assumeTrue(hasIpv6(), "this host has no ::1");
        Node server = new Node(new ZmqTransport("::1", 0));
        Node client = node();
        assertThat(server.transport.address().toString()).startsWith("[::1]:");
        Link out = client.transport.dial(server.transport.address());
        client.transport.send(out, bytes("six"));
        server.await(1);
        assertThat(server.text(0)).isEqualTo("six");
    }

    @Test
    void shouldEndIdleFromAnotherThread() throws InterruptedException {
        Node node = node();
        for (int round = 0; round < 200; round++) {
            CountDownLatch started = new CountDownLatch(1);
            Thread other =
                    new Thread(
                            () -> {
                                started.countDown();
                                node.transport.wakeup();
                            });
            other.start();
            started.await();
            long beforeNs = System.nanoTime();
            node.transport.idle(DEADLINE_NS);
            assertThat(System.nanoTime() - beforeNs).isLessThan(DEADLINE_NS / 2);
            other.join();
        }
    }

    @Test
    void shouldRememberAWakeupUntilTheNextIdleAndOnlyOne() {
        Node node = node();
        for (int i = 0; i < 100_000; i++) {
            node.transport.wakeup();
        }
        long beforeNs = System.nanoTime();
        node.transport.idle(DEADLINE_NS);
        assertThat(System.nanoTime() - beforeNs).isLessThan(DEADLINE_NS / 2);
        beforeNs = System.nanoTime();
        node.transport.idle(TimeUnit.MILLISECONDS.toNanos(30));
        assertThat(System.nanoTime() - beforeNs)
                .isGreaterThanOrEqualTo(TimeUnit.MILLISECONDS.toNanos(29));
    }

    @Test
    void shouldSurviveAWakeupByAnInterruptedThread() throws InterruptedException {
        Node node = node();
        for (int round = 0; round < 3; round++) {
            CountDownLatch kept = new CountDownLatch(1);
            Thread interrupted =
                    new Thread(
                            () -> {
                                Thread.currentThread().interrupt();
                                node.transport.wakeup();
                                if (Thread.currentThread().isInterrupted()) {
                                    kept.countDown();
                                }
                            });
            interrupted.start();
            long beforeNs = System.nanoTime();
            node.transport.idle(DEADLINE_NS);
            assertThat(System.nanoTime() - beforeNs).isLessThan(DEADLINE_NS / 2);
            interrupted.join();
            assertThat(kept.getCount()).as("the caller stays interrupted").isZero();
            node.transport.wakeup();
            node.transport.idle(DEADLINE_NS);
            assertThat(System.nanoTime() - beforeNs).isLessThan(DEADLINE_NS / 2);
        }
        long beforeNs = System.nanoTime();
        node.transport.idle(TimeUnit.MILLISECONDS.toNanos(30));
        assertThat(System.nanoTime() - beforeNs)
                .as("no stale signal")
                .isGreaterThanOrEqualTo(TimeUnit.MILLISECONDS.toNanos(29));
    }

    @Test
    void shouldRefuseFramesWhenTheQueueIsFull() {
        Node probe = node();
        HostPort nobody = probe.transport.address();
        probe.transport.close();
        Node client = node();
        Link out = client.transport.dial(nobody);
        int sent = 0;
        while (client.transport.send(out, bytes("x"))) {
            assertThat(++sent).isLessThan(10_000);
        }
        assertThat(sent).isGreaterThanOrEqualTo(1000);
        assertThat(client.transport.send(out, bytes("x"))).isFalse();
    }

    @Test
    void shouldRefuseFramesToAPeerThatDoesNotRead() {
        Node server = node();
        Node client = node();
        Link out = client.transport.dial(server.transport.address());
        client.transport.send(out, bytes("hello"));
        server.await(1);
        byte[] large = new byte[FrameCodec.MAX_FRAME_BYTES];
        int sent = 0;
        while (server.transport.send(server.link(0), large)) {
            assertThat(++sent).isLessThan(10_000);
        }
        client.await(sent);
        until(() -> server.transport.send(server.link(0), bytes("room again")), server);
    }

    @Test
    void shouldRefuseAFrameThatNoPeerWouldTake() {
        Node server = node();
        Link out = server.transport.dial(server.transport.address());
        byte[] tooLarge = new byte[FrameCodec.MAX_FRAME_BYTES + 1];
        assertThatThrownBy(() -> server.transport.send(out, tooLarge))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("bytes=65537");
    }

    @Test
    void shouldDropAndCountMessagesOfOddPartCounts() {
        Node server = node();
        // Ours, since a plain context's fresh connections may stall (ZmqContext).
        try (ZmqContext context = new ZmqContext();
                ZMQ.Socket raw = context.socket(SocketType.DEALER, 1_000, 1_000, 1 << 20)) {
            raw.connect("tcp://" + server.transport.address());
            for (int parts = 1; parts <= 5; parts++) {
                for (int part = 1; part < parts; part++) {
                    raw.send(new byte[] {(byte) parts}, ZMQ.SNDMORE);
                }
                raw.send("parts " + parts);
            }
            raw.send(new byte[0]);
            raw.send("last");
            server.await(3);
            assertThat(server.texts).containsExactly("parts 1", "", "last");
            assertThat(server.transport.dropped()).isEqualTo(4);
        }
    }

    @Test
    void shouldCutOffAPeerThatSendsTooMuch() {
        Node server = node();
        // Ours, since a plain context's fresh connections may stall (ZmqContext).
        try (ZmqContext context = new ZmqContext();
                ZMQ.Socket raw = context.socket(SocketType.DEALER, 1_000, 1_000, 1 << 20)) {
            raw.connect("tcp://" + server.transport.address());
            raw.send(new byte[FrameCodec.MAX_FRAME_BYTES + 1]);
            Node honest = node();
            Link out = honest.transport.dial(server.transport.address());
            honest.transport.send(out, bytes("honest"));
            server.await(1);
            assertThat(server.texts).containsExactly("honest");
        }
    }

    @Test
    void shouldSurviveGarbageOnThePort() throws IOException {
        Node server = node();
        Node client = node();
        Link out = client.transport.dial(server.transport.address());
        List<Socket> open = new ArrayList<>();
        Random random = new Random(20260101);
        byte[] greeting = new byte[64];
        greeting[0] = (byte) 0xff;
        greeting[8] = 1;
        greeting[9] = 0x7f;
        greeting[10] = 3;
        System.arraycopy("NULL".getBytes(UTF_8), 0, greeting, 12, 4);
        for (int i = 0; i < 300; i++) {
            Socket socket =
                    new Socket(InetAddress.getLoopbackAddress(), server.transport.address().port());
            open.add(socket);
            byte[] noise = new byte[random.nextInt(200)];
            random.nextBytes(noise);
            try {
                // Some are no ZMTP at all, some begin like it, some are truncated.
                if (i % 3 == 1) {
                    socket.getOutputStream().write(greeting, 0, 1 + random.nextInt(64));
                } else if (i % 3 == 2) {
                    socket.getOutputStream().write(greeting);
                }
                socket.getOutputStream().write(noise);
                socket.getOutputStream().flush();
            } catch (IOException closedByTheServer) {
                // As it should.
            }
            if (i % 2 == 0) {
                socket.close();
            }
            String text = "good " + i;
            assertThat(client.transport.send(out, bytes(text))).isTrue();
            until(() -> server.texts.contains(text), server);
        }
        for (Socket socket : open) {
            socket.close();
        }
    }

    @Test
    void shouldNameTheKeyWhenThePortIsTaken() {
        Node first = node();
        int port = first.transport.address().port();
        assertThatThrownBy(() -> new ZmqTransport(LOCAL, port))
                .isInstanceOf(KvConnectorException.class)
                .hasMessage(
                        "BAD_CONFIG(1): kv_port=%d can't be bound at kv_ip=127.0.0.1 (in use, or not permitted); 0 takes any free port",
                        port)
                .extracting(cause -> ((KvConnectorException) cause).error())
                .isEqualTo(KvError.BAD_CONFIG);
    }

    @Test
    void shouldNameTheKeyWhenTheHostIsNotOurs() {
        assertThatThrownBy(() -> new ZmqTransport("192.0.2.1", 0))
                .hasMessage(
                        "BAD_CONFIG(1): kv_ip=192.0.2.1 is no address of this host; give the address that other instances reach");
        assertThatThrownBy(() -> new ZmqTransport("0.0.0.0", 0))
                .hasMessageContaining("kv_ip=0.0.0.0 is no address that others can dial");
        assertThatThrownBy(() -> new ZmqTransport("no-such-host.invalid", 0))
                .hasMessageContaining("kv_ip=no-such-host.invalid is unknown");
    }

    @Test
    void shouldCloseSoonThoughNobodyAnswers() {
        Node node = node();
        for (int i = 0; i < 20; i++) {
            // A host that swallows packets, and a port where nobody listens.
            Link hole = node.transport.dial(new HostPort("192.0.2." + i, 9));
            Link deaf = node.transport.dial(new HostPort(LOCAL, 1));
            node.transport.send(hole, bytes("x"));
            node.transport.send(deaf, bytes("x"));
        }
        node.step();
        long beforeNs = System.nanoTime();
        node.transport.close();
        assertThat(System.nanoTime() - beforeNs).isLessThan(TimeUnit.SECONDS.toNanos(2));
        assertThat(kvThreads()).isEmpty();
    }

    @Test
    void shouldWorkOnAnotherThreadThanItWasMadeOn() throws InterruptedException {
        Node server = node();
        Node client = node();
        Thread thread =
                new Thread(
                        () -> {
                            Link out = client.transport.dial(server.transport.address());
                            client.transport.send(out, bytes("handed over"));
                            client.await(1);
                            client.transport.close();
                        });
        thread.start();
        server.await(1);
        server.transport.send(server.link(0), bytes("yes"));
        thread.join(TimeUnit.NANOSECONDS.toMillis(DEADLINE_NS));
        assertThat(client.texts).containsExactly("yes");
    }

    private Node node() {
        return node(0);
    }

    private Node node(int port) {
        return new Node(new ZmqTransport(LOCAL, port));
    }

    private static boolean hasIpv6() {
        try (ServerSocket probe = new ServerSocket()) {
            probe.bind(new InetSocketAddress(InetAddress.getAllByName("::1")[0], 0));
            return true;
        } catch (IOException cause) {
            return false;
        }
    }

    private static byte[] bytes(String text) {
        return text.getBytes(UTF_8);
    }

    private static void until(BooleanSupplier condition, Node stepped) {
        long endNs = System.nanoTime() + DEADLINE_NS;
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as("deadline").isLessThan(endNs);
            stepped.step();
        }
    }

    private static Set<String> kvThreads() {
        Set<String> names = new HashSet<>();
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            if (thread.getName().startsWith("kv-zmq")) {
                names.add(thread.getName());
            }
        }
        return names;
    }

    /** A transport and what it heard. */
    private final class Node implements ControlTransport.Handler {

        final ZmqTransport transport;
        final List<Link> links = new ArrayList<>();
        final List<String> texts = new ArrayList<>();

        Node(ZmqTransport transport) {
            this.transport = transport;
            nodes.add(this);
        }

        @Override
        public void onFrame(Link link, byte[] bytes) {
            links.add(link);
            texts.add(new String(bytes, UTF_8));
        }

        int step() {
            transport.idle(STEP_NS);
            return transport.poll(this, 64);
        }

        void await(int frames) {
            until(() -> texts.size() >= frames, this);
            assertThat(texts).hasSize(frames);
        }

        String text(int i) {
            return texts.get(i);
        }

        Link link(int i) {
            return links.get(i);
        }

        List<String> textsOf(Link link) {
            List<String> of = new ArrayList<>();
            for (int i = 0; i < links.size(); i++) {
                if (links.get(i).equals(link)) {
                    of.add(texts.get(i));
                }
            }
            return of;
        }
    }
}
