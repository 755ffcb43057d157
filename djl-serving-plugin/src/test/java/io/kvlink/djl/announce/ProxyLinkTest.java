// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.announce;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.spi.HostPort;
import io.kvlink.zmq.NameResolver;
import io.kvlink.zmq.ZmqContext;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZEvent;
import org.zeromq.ZMQ;

@Timeout(60)
final class ProxyLinkTest {

    private static final int MANY = 10_000;
    private static final long SECOND_NS = TimeUnit.SECONDS.toNanos(1);

    private final ZContext context = new ZContext(1);
    private final ZMQ.Socket proxy = context.createSocket(SocketType.ROUTER);
    private final ZmqContext ours = new ZmqContext();
    private final NameResolver resolver = new NameResolver();
    private final Semaphore found = new Semaphore(0);
    private final AtomicInteger packed = new AtomicInteger();
    private int port;
    private boolean fails;

    @BeforeEach
    void bind() {
        proxy.bind("tcp://127.0.0.1:0");
        String endpoint = proxy.getLastEndpoint();
        port = Integer.parseInt(endpoint.substring(endpoint.lastIndexOf(':') + 1));
        proxy.setReceiveTimeOut(20_000);
    }

    @AfterEach
    void close() {
        resolver.close();
        ours.close();
        context.close();
    }

    @Test
    void shouldSpeakAtOnceEveryThreeSecondsAndSayBye() {
        ProxyLink link = link("127.0.0.1");
        assertThat(link.tick(0)).isEqualTo(3 * SECOND_NS);
        assertThat(link.tick(2 * SECOND_NS)).isEqualTo(3 * SECOND_NS);
        assertThat(link.tick(3 * SECOND_NS)).isEqualTo(6 * SECOND_NS);
        assertThat(receive()).isEqualTo("beat 1");
        assertThat(receive()).isEqualTo("beat 2");
        requireSilence("the tick between was too early");

        link.close();
        link.close();
        assertThat(receive()).isEqualTo("bye 3");
        requireSilence("bye is said once");
    }

    @Test
    void shouldSayByeWhileNothingNewIsTaken() {
        ProxyLink link = link("127.0.0.1");
        link.tick(0);
        assertThat(receive()).isEqualTo("beat 1");

        link.wanted(false);
        link.wanted(false);
        link.tick(3 * SECOND_NS);
        link.wanted(true);
        assertThat(link.tick(4 * SECOND_NS)).isEqualTo(4 * SECOND_NS + SECOND_NS / 4);
        assertThat(receive()).isEqualTo("bye 2");
        assertThat(receive()).as("the next one isn't waited for").isEqualTo("beat 3");

        link.wanted(false);
        link.close();
        assertThat(receive()).isEqualTo("bye 4");
        requireSilence("bye is said once");
    }

    @Test
    void shouldFindAProxyByName() throws InterruptedException {
        ProxyLink link = link("localhost");
        assertThat(found.tryAcquire(20, TimeUnit.SECONDS)).isTrue();
        link.tick(0);
        assertThat(receive()).isEqualTo("beat 1");
        link.close();
    }

    @Test
    void shouldKeepFewBeatsForAProxyThatIsAway() {
        unbind();
        ProxyLink link = link("127.0.0.1");
        for (long beat = 0; beat < MANY; beat++) {
            assertThat(link.tick(3 * SECOND_NS * beat)).isEqualTo(3 * SECOND_NS * (beat + 1));
        }
        proxy.bind("tcp://127.0.0.1:" + port);
        List<String> old = new ArrayList<>();
        for (String beat = receive(); number(beat) <= MANY; beat = receive()) {
            old.add(beat);
            link.tick(3 * SECOND_NS * (MANY + old.size()));
        }
        assertThat(old).containsExactly("beat 1", "beat 2");
        link.close();
    }

    @Test
    void shouldSayNothingWhereTheNameIsNobodys() {
        ProxyLink link = link("no-such-host.invalid");
        for (long beat = 0; beat < MANY; beat++) {
            assertThat(link.tick(3 * SECOND_NS * beat)).isEqualTo(3 * SECOND_NS * (beat + 1));
        }
        link.close();
        assertThat(packed).hasValue(0);
    }

    // ZeroMQ closes the port on a thread of its own.
    private void unbind() {
        proxy.monitor("inproc://closed", ZMQ.EVENT_CLOSED);
        try (ZMQ.Socket monitor = context.createSocket(SocketType.PAIR)) {
            monitor.setReceiveTimeOut(20_000);
            monitor.connect("inproc://closed");
            proxy.unbind(proxy.getLastEndpoint());
            assertThat(ZEvent.recv(monitor)).as("the port is closed").isNotNull();
        }
        proxy.monitor(null, 0);
    }

    /** Beats that wait for it would make it believe in an instance that has left. */
    @Test
    void shouldTakeBeatsBackFromAProxyThatIsAwayWhenItSaysBye() {
        unbind();
        ProxyLink link = link("127.0.0.1");
        for (int beat = 0; beat < 4; beat++) {
            link.tick(3 * SECOND_NS * beat);
        }
        link.wanted(false);
        link.tick(12 * SECOND_NS);
        proxy.bind("tcp://127.0.0.1:" + port);
        link.wanted(true);
        link.tick(13 * SECOND_NS);
        assertThat(receive()).as("four beats and a bye are gone").isEqualTo("beat 6");
        link.close();
    }

    @Test
    void shouldGoOnAfterABeatThatFailsAndCloseItsSocket() {
        ZMQ.Socket ends = context.createSocket(SocketType.PAIR);
        proxy.monitor("inproc://ends", ZMQ.EVENT_DISCONNECTED);
        ends.connect("inproc://ends");
        ends.setReceiveTimeOut(20_000);
        ProxyLink link = link("127.0.0.1");
        fails = true;
        assertThat(link.tick(0)).isEqualTo(3 * SECOND_NS);
        link.wanted(false);
        fails = false;
        link.wanted(true);
        link.tick(SECOND_NS);
        assertThat(receive()).isEqualTo("beat 1");
        fails = true;
        link.close();
        assertThat(ends.recv()).as("the connection's end").isNotNull();
    }

    private static int number(String beat) {
        return Integer.parseInt(beat.substring(beat.indexOf(' ') + 1));
    }

    private ProxyLink link(String host) {
        return new ProxyLink(ours, resolver, new HostPort(host, port), this::pack, found::release);
    }

    private Optional<byte[]> pack(boolean bye) {
        if (fails) {
            throw new IllegalStateException("no status");
        }
        String beat = (bye ? "bye " : "beat ") + packed.incrementAndGet();
        return Optional.of(beat.getBytes(StandardCharsets.UTF_8));
    }

    private String receive() {
        assertThat(proxy.recv()).as("identity").isNotNull();
        byte[] payload = proxy.recv();
        assertThat(proxy.hasReceiveMore()).isFalse();
        return new String(payload, StandardCharsets.UTF_8);
    }

    private void requireSilence(String why) {
        proxy.setReceiveTimeOut(100);
        assertThat(proxy.recv()).as(why).isNull();
        proxy.setReceiveTimeOut(20_000);
    }
}
