// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonElement;
import com.google.gson.JsonParser;
import io.kvlink.proxy.config.ProxyConfig;
import io.kvlink.proxy.fleet.Beats;
import io.kvlink.proxy.fleet.HeartbeatCodec;
import io.kvlink.spi.Settings;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.zeromq.ZMQ;

class DiscoveryTest {

    private static final String HTTP = "127.0.0.1:20001";
    private static final String ZMQ_ADDRESS = "127.0.0.1:21001";

    @Test
    void shouldTakeOutADeadInstanceWhileAnotherStillPings() throws Exception {
        AtomicLong now = new AtomicLong();
        ProxyConfig config =
                ProxyConfig.of(Settings.of("proxy", Map.of("port", 0, "discovery_port", 0)));
        try (ProxyServer proxy = ProxyServer.start(config, now::get);
                Beats beats = new Beats(proxy.ports().discovery())) {
            ZMQ.Socket first = beats.dealer("127.0.0.1:1");
            byte[] ping = Beats.map("P", "127.0.0.1:11", "127.0.0.1:1", Map.of());
            first.send(ping);
            assertThat(proxy.awaitInstances(1, 0, Rig.DEADLINE)).isTrue();
            beats.beat("P", "127.0.0.1:12", "127.0.0.1:2");
            assertThat(proxy.awaitInstances(2, 0, Rig.DEADLINE)).isTrue();

            now.addAndGet(TimeUnit.SECONDS.toNanos(9));
            first.send(ping);
            // A third tells us that the ping before it was read.
            first.send(Beats.map("D", "127.0.0.1:13", "127.0.0.1:3", Map.of()));
            assertThat(proxy.awaitInstances(2, 1, Rig.DEADLINE)).isTrue();
            now.addAndGet(TimeUnit.SECONDS.toNanos(2));
            proxy.wakeDiscovery();
            assertThat(proxy.awaitInstances(1, 1, Rig.DEADLINE)).isTrue();

            now.addAndGet(TimeUnit.SECONDS.toNanos(20));
            proxy.wakeDiscovery();
            assertThat(proxy.awaitInstances(0, 0, Rig.DEADLINE)).isTrue();
        }
    }

    @Test
    void shouldSurviveGarbage() throws Exception {
        try (Rig rig = new Rig()) {
            ZMQ.Socket socket = rig.beats.dealer("anybody");
            Random random = new Random(1);
            for (int i = 0; i < 200; i++) {
                byte[] garbage = new byte[random.nextInt(300)];
                random.nextBytes(garbage);
                socket.send(garbage);
            }
            socket.send(new byte[HeartbeatCodec.MAX_BYTES + 1]);
            socket.sendMore("one");
            socket.send("two");
            socket.send(Beats.map("P", HTTP, ZMQ_ADDRESS, Map.of()));
            assertThat(rig.proxy.awaitInstances(1, 0, Rig.DEADLINE)).isTrue();
            assertThat(rig.metric("kvlink_proxy_heartbeats_total{outcome=\"refused\"}"))
                    .isEqualTo(202);
            assertThat(rig.get("/health/live").statusCode()).isEqualTo(200);
        }
    }

    @Test
    void shouldDeregisterRestartAndShowWhatInstancesSay() throws Exception {
        try (Rig rig = new Rig()) {
            ZMQ.Socket old = rig.beats.dealer(ZMQ_ADDRESS);
            old.send(Beats.map("D", HTTP, ZMQ_ADDRESS, Map.of("epoch", 1L, "model", "m")));
            assertThat(rig.proxy.awaitInstances(0, 1, Rig.DEADLINE)).isTrue();
            assertThat(epochs(rig)).isEqualTo("1");

            // The old process's connection is still there, and so is its identity.
            ZMQ.Socket restarted = rig.beats.dealer(ZMQ_ADDRESS);
            restarted.send(Beats.map("D", HTTP, ZMQ_ADDRESS, Map.of("epoch", 2L, "queue", 3L)));
            restarted.send(Beats.map("P", "127.0.0.1:9", "127.0.0.1:9", Map.of()));
            assertThat(rig.proxy.awaitInstances(1, 1, Rig.DEADLINE)).isTrue();
            assertThat(epochs(rig)).isEqualTo("2,0");
            assertThat(rig.metric("kvlink_proxy_heartbeats_total{outcome=\"restarted\"}"))
                    .isEqualTo(1);
            assertThat(rig.metric("kvlink_proxy_instances{role=\"decode\"}")).isEqualTo(1);

            restarted.send(Beats.map("D", HTTP, ZMQ_ADDRESS, Map.of("epoch", 2L, "bye", true)));
            assertThat(rig.proxy.awaitInstances(1, 0, Rig.DEADLINE)).isTrue();
        }
    }

    private static String epochs(Rig rig) throws Exception {
        Iterable<JsonElement> list =
                JsonParser.parseString(rig.get("/instances").body())
                        .getAsJsonObject()
                        .getAsJsonArray("instances");
        return String.join(
                ",",
                StreamSupport.stream(list.spliterator(), false)
                        .map(i -> i.getAsJsonObject().get("epoch").getAsString())
                        .toList());
    }
}
