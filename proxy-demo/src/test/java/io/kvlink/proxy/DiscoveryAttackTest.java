// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonParser;
import io.kvlink.proxy.discovery.ZmtpBytes;
import io.kvlink.proxy.fleet.Beats;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.zeromq.ZMQ;

/** Strangers at the discovery port; after each, instances register as before. */
class DiscoveryAttackTest {

    @ParameterizedTest
    @ValueSource(
            longs = {
                Integer.MAX_VALUE,
                Long.MAX_VALUE,
                Long.MIN_VALUE,
                Long.MIN_VALUE + Integer.MAX_VALUE,
                -1
            })
    void shouldSurviveAFrameOfMoreBytesThanThereAre(long length) throws Exception {
        try (Rig rig = new Rig();
                Socket stranger = stranger(rig)) {
            write(stranger, ZmtpBytes.handshake());
            write(stranger, ZmtpBytes.largeHeader(0, length));
            assertThat(stranger.getInputStream().readAllBytes()).isNotEmpty();
            assertWorks(rig);
        }
    }

    @Test
    void shouldSurviveAnEndlessMessage() throws Exception {
        try (Rig rig = new Rig();
                Socket stranger = stranger(rig)) {
            write(stranger, ZmtpBytes.handshake());
            byte[] part = ZmtpBytes.largeFrame(ZmtpBytes.MORE, new byte[4000]);
            boolean ended = false;
            for (int sent = 0; !ended && sent < 100_000; sent++) {
                try {
                    write(stranger, part);
                } catch (IOException closed) {
                    ended = true;
                }
            }
            assertThat(ended).isTrue();
            assertWorks(rig);
        }
    }

    @Test
    void shouldFindRoomForInstancesAmongManyHalfGreetings() throws Exception {
        List<Socket> strangers = new ArrayList<>();
        try (Rig rig = new Rig(Map.of("max_instances", 2))) {
            ZMQ.Socket known = rig.beats.dealer("127.0.0.1:1");
            known.send(Beats.map("P", "127.0.0.1:11", "127.0.0.1:1", Map.of()));
            assertThat(rig.proxy.awaitInstances(1, 0, Rig.DEADLINE)).isTrue();
            for (int i = 0; i < 300; i++) {
                strangers.add(stranger(rig));
                write(strangers.get(i), new byte[] {(byte) 0xff, 0, 0});
            }
            // The oldest has had to give way.
            assertThat(strangers.get(0).getInputStream().readAllBytes()).hasSizeLessThan(65);
            known.send(Beats.map("P", "127.0.0.1:11", "127.0.0.1:1", Map.of("bye", true)));
            assertThat(rig.proxy.awaitInstances(0, 0, Rig.DEADLINE)).isTrue();
            assertWorks(rig);
        } finally {
            for (Socket each : strangers) {
                each.close();
            }
        }
    }

    @Test
    void shouldSayThatADeadDiscoveryThreadIsDead() throws Exception {
        try (Rig rig = new Rig()) {
            assertThat(rig.get("/health/live").statusCode()).isEqualTo(200);
            EventLoop loop = rig.proxy.parts().discovery().loop();
            Future<?> ended = loop.shutdownGracefully(0, 1, TimeUnit.SECONDS);
            assertThat(ended.await(20, TimeUnit.SECONDS)).isTrue();
            for (String path : List.of("/health", "/health/live", "/health/ready")) {
                HttpResponse<String> health = rig.get(path);
                assertThat(health.statusCode()).isEqualTo(503);
                assertThat(health.body()).contains("the discovery thread has ended");
            }
        }
    }

    @Test
    void shouldSayThatTheDiscoveryPortIsClosed() throws Exception {
        try (Rig rig = new Rig()) {
            rig.proxy.parts().discovery().stopListening();
            HttpResponse<String> health = rig.get("/health/live");
            assertThat(health.statusCode()).isEqualTo(503);
            assertThat(JsonParser.parseString(health.body()).getAsJsonObject().get("reasons"))
                    .isEqualTo(JsonParser.parseString("[\"the discovery port is closed\"]"));
        }
    }

    private static void assertWorks(Rig rig) throws Exception {
        rig.beats.beat("D", "127.0.0.1:12", "127.0.0.1:2");
        assertThat(rig.proxy.awaitInstances(0, 1, Rig.DEADLINE)).isTrue();
        assertThat(rig.get("/health/live").statusCode()).isEqualTo(200);
    }

    private static Socket stranger(Rig rig) throws IOException {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), rig.proxy.ports().discovery());
        socket.setSoTimeout((int) Rig.DEADLINE.toMillis());
        return socket;
    }

    private static void write(Socket socket, byte[] bytes) throws IOException {
        socket.getOutputStream().write(bytes);
    }
}
