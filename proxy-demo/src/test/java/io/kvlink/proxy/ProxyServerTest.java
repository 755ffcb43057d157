// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.Settings;
import java.io.BufferedReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProxyServerTest {

    private static final Map<String, Object> FREE = Map.of("port", 0, "discovery_port", 0);

    @Test
    void shouldLeaveNoThreadAndNoPort() throws Exception {
        CompletableFuture<Boolean> saw = new CompletableFuture<>();
        ProxyServer.Ports ports;
        try (Rig rig = new Rig()) {
            ports = rig.proxy.ports();
            FakeInstance prefill = rig.prefill(talk -> saw.complete(talk.sawDisconnect()));
            rig.decode(FakeInstance.Talk::sawDisconnect);
            try (Socket client = rig.rawClient()) {
                prefill.next();
                rig.proxy.close();
                rig.proxy.close();
                assertThat(client.getInputStream().read()).isEqualTo(-1);
            }
            assertThat(saw.get(20, TimeUnit.SECONDS)).isTrue();
        }
        assertThat(threads()).isEmpty();
        for (int port : List.of(ports.http(), ports.discovery())) {
            ServerSocket again = new ServerSocket();
            again.setReuseAddress(true);
            again.bind(new java.net.InetSocketAddress(InetAddress.getLoopbackAddress(), port));
            again.close();
        }
    }

    @Test
    void shouldLeaveNothingWhenAPortIsTaken() throws Exception {
        try (ProxyServer proxy = ProxyServer.start(Settings.of("proxy", FREE))) {
            long before = threads().size();
            assertThatThrownBy(() -> start("port", proxy.ports().http()))
                    .isInstanceOf(KvConnectorException.class)
                    .hasMessageContaining("port=" + proxy.ports().http());
            assertThatThrownBy(() -> start("discovery_port", proxy.ports().discovery()))
                    .isInstanceOf(KvConnectorException.class)
                    .hasMessageContaining("discovery_port=" + proxy.ports().discovery());
            assertThat(threads()).hasSize(Math.toIntExact(before));
        }
    }

    @Test
    void shouldRefuseUnknownAndWrongSettings() {
        assertThatThrownBy(() -> start("prot", 1)).hasMessageContaining("did you mean port");
        assertThatThrownBy(() -> start("dispatch", "both"))
                .hasMessageContaining("[concurrent, serial]");
        assertThatThrownBy(() -> start("policy", "random")).hasMessageContaining("round_robin");
        assertThatThrownBy(() -> start("expiry_ms", 0)).hasMessageContaining("expiry_ms=0");
    }

    @Test
    void shouldRunAsAProgramAndEndCleanlyOnSigterm(@TempDir Path folder) throws Exception {
        Path config = folder.resolve("proxy.json");
        Files.writeString(config, "{\"port\": 1, \"discovery_port\": \"0\"}");
        Process process =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-XX:+UseSerialGC",
                                "-XX:TieredStopAtLevel=1",
                                "-cp",
                                System.getProperty("java.class.path"),
                                ProxyMain.class.getName(),
                                "--config",
                                config.toString(),
                                "--port",
                                "0")
                        .redirectError(ProcessBuilder.Redirect.DISCARD)
                        .start();
        try (BufferedReader out = process.inputReader(StandardCharsets.UTF_8)) {
            String line =
                    CompletableFuture.supplyAsync(() -> out.lines().findFirst().orElse("ended"))
                            .get(60, TimeUnit.SECONDS);
            Matcher matcher =
                    Pattern.compile(
                                    "kvlink-proxy ready http=127\\.0\\.0\\.1:(\\d+)"
                                            + " discovery=tcp://127\\.0\\.0\\.1:\\d+")
                            .matcher(line);
            assertThat(matcher.matches()).as(line).isTrue();
            int port = Integer.parseInt(matcher.group(1));
            new Socket(InetAddress.getLoopbackAddress(), port).close();
            process.destroy();
            assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
            assertThat(process.exitValue()).isEqualTo(0);
        } finally {
            process.destroyForcibly();
        }
    }

    @Test
    void shouldStayIdleInsideAHostUntilConfigured() {
        ProxyPlugin plugin = new ProxyPlugin();
        assertThat(plugin.acceptInboundMessage("x")).isFalse();
        assertThat(threads()).isEmpty();
    }

    @Test
    void shouldRunInsideAHostOnPortsOfItsOwn(@TempDir Path folder) throws Exception {
        Path config = folder.resolve("proxy.json");
        Files.writeString(config, "{\"port\": 0, \"discovery_port\": 0}");
        System.setProperty(ProxyPlugin.CONFIG, config.toString());
        try (ProxyPlugin plugin = new ProxyPlugin()) {
            assertThat(plugin.acceptInboundMessage("x")).isFalse();
            assertThat(threads()).contains("kv-proxy-discovery");
        } finally {
            System.clearProperty(ProxyPlugin.CONFIG);
        }
        assertThat(threads()).isEmpty();
    }

    @Test
    void shouldDescribeItselfToTheHost() throws Exception {
        try (var in = ProxyPlugin.class.getResourceAsStream("/META-INF/plugin.definition")) {
            assertThat(new String(in.readAllBytes(), StandardCharsets.UTF_8))
                    .contains("name=kvlink_proxy", "export=" + ProxyPlugin.class.getName());
        }
    }

    private static ProxyServer start(String key, Object value) {
        Map<String, Object> settings = new java.util.HashMap<>(FREE);
        settings.put(key, value);
        return ProxyServer.start(Settings.of("proxy", settings));
    }

    private static List<String> threads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(Thread::isAlive)
                .map(Thread::getName)
                .filter(name -> name.startsWith("kv-"))
                .toList();
    }
}
