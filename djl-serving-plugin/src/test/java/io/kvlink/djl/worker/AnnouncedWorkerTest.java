// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.djl.generation.WorkerHealth;
import io.kvlink.djl.worker.FakeConnector.Loading;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.msgpack.core.MessagePack;
import org.msgpack.core.MessageUnpacker;
import org.msgpack.value.Value;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;

/** Heartbeats of workers, as proxies receive them, with any connector and without one. */
@Timeout(120)
class AnnouncedWorkerTest extends StartedWorkers {

    private static final String CONNECTED =
            """
            {"kv_connector":"Fake","kv_role":"%s","engine_id":"e7","kv_connector_extra_config":
             {"proxy_ip":["127.0.0.1","127.0.0.1:%d"],"proxy_port":%d,"http_port":20001}}""";

    private final ZContext context = new ZContext(1);
    private final Proxy proxy = new Proxy();
    private final Proxy other = new Proxy();

    /** Socket of a proxy, which only listens. */
    private final class Proxy {
        final ZMQ.Socket socket = context.createSocket(SocketType.ROUTER);
        final int port;

        Proxy() {
            socket.setReceiveTimeOut(20_000);
            socket.bind("tcp://127.0.0.1:0");
            String endpoint = socket.getLastEndpoint();
            port = Integer.parseInt(endpoint.substring(endpoint.lastIndexOf(':') + 1));
        }

        /** The next heartbeat, its values as JSON. */
        Map<String, String> receive() throws IOException {
            assertThat(socket.recv()).as("identity").isNotNull();
            byte[] payload = socket.recv();
            assertThat(socket.hasReceiveMore()).isFalse();
            Map<String, String> map = new HashMap<>();
            try (MessageUnpacker in = MessagePack.newDefaultUnpacker(payload)) {
                for (Map.Entry<Value, Value> field :
                        in.unpackValue().asMapValue().map().entrySet()) {
                    map.put(field.getKey().asStringValue().asString(), field.getValue().toJson());
                }
                assertThat(in.hasNext()).as("bytes behind the map").isFalse();
            }
            return map;
        }
    }

    @BeforeAll
    static void writeModel() {
        writeModel(5);
    }

    @AfterEach
    void closeProxies() {
        context.close();
    }

    @Test
    void shouldTellEachProxyAllThatItIs() throws IOException {
        LlamaWorker worker =
                worker(
                        prefill(),
                        Map.of("kv_transfer_config", connected("kv_producer"), "model_name", "m"));
        Map<String, String> beat = proxy.receive();
        Map<String, String> expected = new HashMap<>();
        expected.put("type", "\"P\"");
        expected.put("http_address", "\"127.0.0.1:20001\"");
        expected.put("zmq_address", "\"127.0.0.1:" + P + "\"");
        expected.put("engine_id", "\"e7\"");
        expected.put("model", "\"m\"");
        expected.put("role", "\"kv_producer\"");
        expected.put("version", "\"development\"");
        expected.put("kv_protocol", "\"Fake\"");
        expected.put("capabilities", "[\"peers\",\"attachments\"]");
        expected.put("queue", "0");
        expected.put("running", "0");
        expected.put("free_kv_tokens", Integer.toString(worker.status().freeTokens()));
        expected.put("draining", "false");
        assertThat(Long.parseLong(String.valueOf(beat.get("epoch")))).isPositive();
        assertThat(Long.parseLong(String.valueOf(beat.get("process")))).isPositive();
        expected.put("epoch", beat.get("epoch"));
        expected.put("process", beat.get("process"));
        assertThat(beat).isEqualTo(expected);
        assertThat(other.receive()).isEqualTo(expected);

        worker.close();
        expected.put("bye", "true");
        assertThat(proxy.receive()).isEqualTo(expected);
        assertThat(other.receive()).isEqualTo(expected);
    }

    @Test
    void shouldAnnounceAWorkerWithoutAConnectorOrAKvAddress() throws IOException {
        LlamaWorker worker =
                worker(
                        Map.of(
                                "proxy_ip",
                                "127.0.0.1",
                                "proxy_port",
                                proxy.port,
                                "http_port",
                                20002));
        assertThat(proxy.receive())
                .doesNotContainKey("zmq_address")
                .containsEntry("type", "\"D\"")
                .containsEntry("role", "\"none\"")
                .containsEntry("http_address", "\"127.0.0.1:20002\"")
                .containsEntry("engine_id", "\"kvlink-20002\"")
                .containsEntry("kv_protocol", "\"\"")
                .containsEntry("capabilities", "[]");
        worker.close();
        assertThat(proxy.receive()).containsEntry("bye", "true");
    }

    @Test
    void shouldCallEveryRoleThatProducesP() throws IOException {
        for (String role : new String[] {"kv_producer", "kv_consumer", "kv_both"}) {
            LlamaWorker worker =
                    worker(decode(Loading.IN_STEP), Map.of("kv_transfer_config", connected(role)));
            assertThat(proxy.receive())
                    .containsEntry("role", '"' + role + '"')
                    .containsEntry("type", role.equals("kv_consumer") ? "\"D\"" : "\"P\"");
            worker.close();
            assertThat(proxy.receive()).containsEntry("bye", "true");
        }
    }

    @Test
    void shouldSayGoodbyeAtOnceWhenItDrains() throws Exception {
        FakeConnector connector = prefill();
        connector.transfers = 1;
        LlamaWorker worker =
                worker(connector, Map.of("kv_transfer_config", connected("kv_producer")));
        assertThat(proxy.receive()).containsEntry("draining", "false");
        Future<?> drained = worker.drain();
        assertThat(proxy.receive()).containsEntry("bye", "true").containsEntry("draining", "true");
        assertThat(drained.isDone()).isFalse();
        connector.transfers = 0;
        drained.get(Listening.DEADLINE_S, TimeUnit.SECONDS);
    }

    @Test
    void shouldSayWhetherItIsWanted() throws IOException {
        FakeConnector connector = prefill();
        LlamaWorker worker =
                worker(
                        connector,
                        Map.of(
                                "kv_transfer_config",
                                connected("kv_producer"),
                                "drain_seconds",
                                1.5));
        assertThat(connector.context.modelName()).isEqualTo(worker.modelName());
        assertThat(worker.drainLimit()).isEqualTo(Duration.ofMillis(1500));
        assertThat(proxy.receive()).doesNotContainKey("bye");
        worker.announce(false);
        assertThat(proxy.receive()).containsEntry("bye", "true").containsEntry("draining", "false");
        assertThat(worker.health()).isEqualTo(WorkerHealth.GOOD);
        worker.announce(true);
        assertThat(proxy.receive()).doesNotContainKey("bye");
    }

    @Test
    void shouldGoOnWhileTheConnectorFailsToSayHowItIs() throws IOException {
        FakeConnector connector = prefill();
        LlamaWorker worker =
                worker(connector, Map.of("kv_transfer_config", connected("kv_producer")));
        Map<String, String> beat = proxy.receive();
        connector.throwsOnLedger = true;
        worker.announce(false);
        assertThat(proxy.receive()).containsEntry("bye", "true").containsAllEntriesOf(beat);
        worker.announce(true);
        assertThat(proxy.receive()).as("the last figures").isEqualTo(beat);
        assertThat(worker.health()).isEqualTo(WorkerHealth.GOOD);
        connector.throwsOnLedger = false;
    }

    @Test
    void shouldNotStartWhereItCanNotBeAnnounced() {
        FakeConnector connector = prefill();
        connector.throwsOnAddress = true;
        assertThatThrownBy(
                        () ->
                                worker(
                                        connector,
                                        Map.of("kv_transfer_config", connected("kv_producer"))))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("no address");
        assertThat(connector.closed()).isTrue();
    }

    private String connected(String role) {
        return CONNECTED.formatted(role, other.port, proxy.port);
    }
}
