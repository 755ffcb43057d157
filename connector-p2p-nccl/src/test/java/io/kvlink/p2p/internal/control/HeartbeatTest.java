// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.control;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvRole;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.msgpack.core.MessagePack;
import org.msgpack.core.MessageUnpacker;
import org.msgpack.value.Value;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;

@Timeout(60)
final class HeartbeatTest {

    private static final long SECOND_NS = TimeUnit.SECONDS.toNanos(1);

    private final ZContext context = new ZContext(1);
    private final ZMQ.Socket proxy = context.createSocket(SocketType.ROUTER);
    private final ZmqTransport transport = new ZmqTransport("127.0.0.1", 0);
    private int port;

    @BeforeEach
    void bind() {
        proxy.bind("tcp://127.0.0.1:0");
        String endpoint = proxy.getLastEndpoint();
        port = Integer.parseInt(endpoint.substring(endpoint.lastIndexOf(':') + 1));
        proxy.setReceiveTimeOut(20_000);
    }

    @AfterEach
    void close() {
        transport.close();
        context.close();
    }

    @Test
    void shouldSayWhoItIsAtOnceEveryThreeSecondsAndBye() throws IOException {
        try (Heartbeat heartbeat = heartbeat("127.0.0.1", KvRole.PRODUCER)) {
            assertThat(heartbeat.tick(0)).isEqualTo(3 * SECOND_NS);
            assertThat(heartbeat.tick(2 * SECOND_NS)).isEqualTo(3 * SECOND_NS);
            assertThat(heartbeat.tick(3 * SECOND_NS)).isEqualTo(6 * SECOND_NS);
            Map<String, String> expected = new LinkedHashMap<>();
            expected.put("type", "\"P\"");
            expected.put("http_address", "\"10.0.1.2:20001\"");
            expected.put("zmq_address", "\"10.0.1.2:21001\"");
            expected.put("epoch", "-7");
            expected.put("engine_id", "\"engine\"");
            expected.put("model", "\"llama\"");
            Map<String, String> first = receive();
            assertThat(Long.parseLong(String.valueOf(first.get("process")))).isPositive();
            expected.put("process", first.get("process"));
            assertThat(first).isEqualTo(expected);
            assertThat(receive()).isEqualTo(expected);
            proxy.setReceiveTimeOut(100);
            assertThat(proxy.recv()).as("the tick between was too early").isNull();
            proxy.setReceiveTimeOut(20_000);

            heartbeat.close();
            expected.put("bye", "true");
            assertThat(receive()).isEqualTo(expected);
        }
    }

    @Test
    void shouldSayByeWhileNothingNewIsTaken() throws IOException {
        Heartbeat heartbeat = heartbeat("127.0.0.1", KvRole.CONSUMER);
        heartbeat.tick(0);
        assertThat(receive()).doesNotContainKey("bye");

        heartbeat.accepting(false);
        heartbeat.accepting(false);
        heartbeat.tick(3 * SECOND_NS);
        heartbeat.accepting(true);
        heartbeat.tick(4 * SECOND_NS);
        assertThat(receive()).containsEntry("bye", "true");
        assertThat(receive()).as("the next one isn't waited for").doesNotContainKey("bye");

        heartbeat.accepting(false);
        heartbeat.close();
        assertThat(receive()).containsEntry("bye", "true");
        proxy.setReceiveTimeOut(100);
        assertThat(proxy.recv()).as("bye is said once").isNull();
    }

    @Test
    void shouldCallEveryRoleThatProducesP() throws IOException {
        for (KvRole role : KvRole.values()) {
            try (Heartbeat heartbeat = heartbeat("127.0.0.1", role)) {
                heartbeat.tick(0);
                assertThat(receive()).containsEntry("type", role.produces() ? "\"P\"" : "\"D\"");
            }
            assertThat(receive()).containsEntry("bye", "true");
        }
    }

    @Test
    void shouldFindAProxyByName() throws IOException {
        try (Heartbeat heartbeat = heartbeat("localhost", KvRole.CONSUMER)) {
            long endNs = System.nanoTime() + 20 * SECOND_NS;
            proxy.setReceiveTimeOut(0);
            byte[] identity;
            do {
                assertThat(System.nanoTime()).as("deadline").isLessThan(endNs);
                heartbeat.tick(0);
                transport.idle(SECOND_NS / 100);
                identity = proxy.recv();
            } while (identity == null);
        }
    }

    @Test
    void shouldNeitherWaitNorGrowWhenTheProxyIsAway() {
        // 192.0.2.0/24 is nobody's.
        for (String host : new String[] {"192.0.2.1", "no-such-host.invalid"}) {
            Heartbeat heartbeat = heartbeat(host, KvRole.CONSUMER);
            long beforeNs = System.nanoTime();
            for (int beat = 0; beat < 10_000; beat++) {
                heartbeat.tick(3 * SECOND_NS * beat);
            }
            heartbeat.close();
            heartbeat.close();
            assertThat(System.nanoTime() - beforeNs).isLessThan(10 * SECOND_NS);
        }
        long beforeNs = System.nanoTime();
        transport.close();
        assertThat(System.nanoTime() - beforeNs).isLessThan(3 * SECOND_NS);
    }

    private Heartbeat heartbeat(String host, KvRole role) {
        return new Heartbeat(
                transport,
                new HostPort(host, port),
                new Heartbeat.Sender(
                        role,
                        new HostPort("10.0.1.2", 20001),
                        new HostPort("10.0.1.2", 21001),
                        -7,
                        "engine",
                        "llama"));
    }

    private Map<String, String> receive() throws IOException {
        assertThat(proxy.recv()).as("identity").isNotNull();
        byte[] payload = proxy.recv();
        assertThat(proxy.hasReceiveMore()).isFalse();
        Map<String, String> map = new LinkedHashMap<>();
        try (MessageUnpacker in = MessagePack.newDefaultUnpacker(payload)) {
            for (Map.Entry<Value, Value> entry : in.unpackValue().asMapValue().map().entrySet()) {
                map.put(entry.getKey().asStringValue().asString(), entry.getValue().toJson());
            }
        }
        return map;
    }
}
