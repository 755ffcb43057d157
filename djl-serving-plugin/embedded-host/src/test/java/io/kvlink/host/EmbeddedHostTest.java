// SPDX-License-Identifier: Apache-2.0
package io.kvlink.host;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.http.CorsSettings;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EmbeddedHostTest {

    private static final String DEFINITION = "name=echo\nexport=io.kvlink.host.EchoPlugin\n";
    private static final String ENTRY = "META-INF/plugin.definition";

    @TempDir private Path dir;
    private Path modelDir;

    @BeforeEach
    void writeModel() throws IOException {
        EchoPlugin.closed = false;
        modelDir = Files.createDirectory(dir.resolve("model"));
        Files.writeString(
                modelDir.resolve("serving.properties"),
                "engine=Echo\noption.url=http://here:${http_port}/\noption.a=1\noption.b=2\n");
    }

    @Test
    void shouldLoadAPluginByItsDefinitionAndAModelByItsProperties() throws Exception {
        try (URLClassLoader classPath = classPath();
                EmbeddedHost host =
                        EmbeddedHost.start(
                                config(Map.of("b", "3", "option.c", "4"), Optional.empty()),
                                classPath)) {
            assertThat(host.modelName()).isEqualTo("model");
            assertThat(host.kvAddress()).isEmpty();
            assertThat(EchoEngine.loaded)
                    .containsEntry("url", "http://here:" + host.port() + "/")
                    .containsEntry("a", "1")
                    .containsEntry("b", "3")
                    .containsEntry("c", "4");

            assertThat(post(host, "/echo/now", "x").body()).isEqualTo("[\"now\",\"x\"]");
            assertThat(post(host, "/echo/later", "y").body()).isEqualTo("[\"later\",\"y\"]");
            for (String broken : new String[] {"/echo/broken", "/echo/brokenlater"}) {
                HttpResponse<String> response = post(host, broken, "");
                assertThat(response.statusCode()).isEqualTo(500);
                assertThat(response.body()).contains("internal_error").doesNotContain("secret");
            }
            HttpResponse<String> unknown = post(host, "/v1/completions", "{}");
            assertThat(unknown.statusCode()).isEqualTo(404);
            assertThat(unknown.body())
                    .isEqualTo(
                            "{\"error\":{\"message\":\"no such path: /v1/completions\","
                                    + "\"type\":\"invalid_request_error\",\"param\":null,"
                                    + "\"code\":\"not_found\"}}");
            assertThat(EchoEngine.open).isTrue();
        }
        assertThat(EchoEngine.open).isFalse();
        assertThat(EchoPlugin.closed).isTrue();
    }

    /** A model that has left its paths was there a moment ago. */
    @Test
    void shouldCallNoPathUnknownWhileItEnds() {
        CompletableFuture<HttpResponse<String>> meanwhile = new CompletableFuture<>();
        try (EmbeddedHost host =
                EmbeddedHost.start(
                        config(Map.of(), Optional.empty()),
                        EmbeddedHostTest.class.getClassLoader())) {
            EchoEngine.whileClosing =
                    () -> {
                        try {
                            meanwhile.complete(post(host, "/v1/completions", "{}"));
                        } catch (Exception failed) {
                            meanwhile.completeExceptionally(failed);
                        }
                    };
        } finally {
            EchoEngine.whileClosing = () -> {};
        }
        assertThat(meanwhile.join().statusCode()).isEqualTo(503);
        assertThat(meanwhile.join().headers().firstValue("Retry-After")).isPresent();
        assertThat(meanwhile.join().body()).contains("the server is ending");
    }

    @Test
    void shouldFindPluginsInAFolderOfJars() throws Exception {
        Path folder = Files.createDirectories(dir.resolve("plugins/deeper"));
        try (JarOutputStream jar =
                new JarOutputStream(Files.newOutputStream(folder.resolve("echo.JAR")))) {
            jar.putNextEntry(new JarEntry(ENTRY));
            jar.write(DEFINITION.getBytes(UTF_8));
        }
        try (EmbeddedHost host =
                EmbeddedHost.start(
                        config(Map.of(), Optional.of(dir.resolve("plugins"))),
                        EmbeddedHostTest.class.getClassLoader())) {
            assertThat(post(host, "/echo/now", "").statusCode()).isEqualTo(200);
        }
    }

    @Test
    void shouldRefuseTheSamePluginTwice() throws Exception {
        try (URLClassLoader outer = classPath();
                URLClassLoader inner =
                        new URLClassLoader(new URL[] {definition("second")}, outer)) {
            assertThatThrownBy(() -> EmbeddedHost.start(config(Map.of(), Optional.empty()), inner))
                    .isInstanceOf(HostException.class)
                    .hasMessageStartingWith("plugin=echo is there twice: ");
        }
    }

    @Test
    void shouldSayThatThereIsNoPlugin() {
        assertThatThrownBy(
                        () ->
                                EmbeddedHost.start(
                                        config(Map.of(), Optional.empty()),
                                        ClassLoader.getPlatformClassLoader()))
                .isInstanceOf(HostException.class)
                .hasMessageStartingWith("no META-INF/plugin.definition found; ");
    }

    @Test
    void shouldRefuseABodyThatIsTooLarge() throws Exception {
        try (URLClassLoader classPath = classPath();
                EmbeddedHost host =
                        EmbeddedHost.start(config(Map.of(), Optional.empty()), classPath);
                Socket socket = new Socket(InetAddress.getLoopbackAddress(), host.port())) {
            socket.setSoTimeout(20_000);
            socket.getOutputStream()
                    .write(
                            "POST /echo/now HTTP/1.1\r\nContent-Length: 67108865\r\n\r\n"
                                    .getBytes(UTF_8));
            String response = new String(socket.getInputStream().readAllBytes(), UTF_8);
            assertThat(response)
                    .startsWith("HTTP/1.1 413 ")
                    .contains("max_request_size=67108864 at most; send less");
        }
    }

    @Test
    void shouldSayWhoMayReadAnswersOfPluginsAndItsOwn() throws Exception {
        HostConfig config =
                new HostConfig(
                        modelDir,
                        "127.0.0.1",
                        0,
                        Map.of(),
                        Optional.empty(),
                        CorsSettings.of("http://page", "", ""));
        try (URLClassLoader classPath = classPath();
                EmbeddedHost host = EmbeddedHost.start(config, classPath)) {
            for (String line :
                    List.of(
                            "POST http://x/echo/now",
                            "POST //echo/now/",
                            "GET /nowhere",
                            "GET /%zz",
                            "OPTIONS *",
                            "BREW /",
                            "GET /" + "l".repeat(9_000))) {
                String answer = raw(host, line);
                assertThat(answer)
                        .containsIgnoringCase("\r\naccess-control-allow-origin: http://page\r\n")
                        .doesNotContain("netty", "Exception");
                assertThat(answer.substring(9, 12))
                        .as(line)
                        .isEqualTo(
                                line.startsWith("POST")
                                        ? "200"
                                        : Map.of(
                                                        "GET /nowhere", "404",
                                                        "GET /%zz", "400",
                                                        "OPTIONS *", "204",
                                                        "BREW /", "501")
                                                .getOrDefault(line, "414"));
            }
        }
    }

    private static String raw(EmbeddedHost host, String line) throws IOException {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), host.port())) {
            socket.setSoTimeout(20_000);
            socket.getOutputStream()
                    .write(
                            (line
                                            + " HTTP/1.1\r\nOrigin: http://page\r\n"
                                            + "Connection: close\r\nContent-Length: 0\r\n\r\n")
                                    .getBytes(UTF_8));
            return new String(socket.getInputStream().readAllBytes(), UTF_8);
        }
    }

    @Test
    void shouldGiveThePortBackWhenAModelDoesNotLoad() throws Exception {
        int port;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
        HostConfig config =
                new HostConfig(
                        modelDir, "127.0.0.1", port, Map.of("fail", "yes"), Optional.empty());
        try (URLClassLoader classPath = classPath()) {
            assertThatThrownBy(() -> EmbeddedHost.start(config, classPath))
                    .isInstanceOf(HostException.class)
                    .hasMessageContaining("option.fail=yes");
        }
        try (ServerSocket again = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
            assertThat(again.isBound()).isTrue();
        }
    }

    @Test
    void shouldExitWith2AndOneClearLine() throws Exception {
        Path empty = Files.createDirectory(dir.resolve("empty"));
        assertThat(run("--model-dir", dir.resolve("no").toString()))
                .isEqualTo("2 error: model-dir=" + dir.resolve("no") + " is no directory");
        assertThat(run("--model-dir", empty.toString()))
                .startsWith("2 error: model-dir=" + empty + ": ")
                .contains("config.json");
        Files.writeString(empty.resolve("serving.properties"), "engine=Imaginary");
        assertThat(run("--model-dir", empty.toString()))
                .startsWith("2 error: engine=Imaginary is not there; known=[")
                .contains("KvLink");
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            String port = Integer.toString(taken.getLocalPort());
            assertThat(run("--model-dir", empty.toString(), "--port", port))
                    .startsWith("2 error: host=127.0.0.1 port=" + port + " can't be bound: ");
        }
        assertThat(run("--port", "0")).startsWith("2 Missing required option: '--model-dir");
    }

    private static String run(String... args) {
        StringWriter err = new StringWriter();
        StringWriter out = new StringWriter();
        int code = HostMain.run(args, new PrintWriter(out, true), new PrintWriter(err, true));
        assertThat(out.toString()).isEmpty();
        String text = err.toString().strip();
        if (text.startsWith("error: ")) {
            assertThat(text.lines()).hasSize(1);
        }
        return code + " " + text;
    }

    private HostConfig config(Map<String, String> options, Optional<Path> pluginFolder) {
        return new HostConfig(modelDir, "127.0.0.1", 0, options, pluginFolder);
    }

    private URLClassLoader classPath() throws IOException {
        return new URLClassLoader(
                new URL[] {definition("first")}, EmbeddedHostTest.class.getClassLoader());
    }

    private URL definition(String name) throws IOException {
        Path file = dir.resolve(name).resolve(ENTRY);
        Files.createDirectories(file.getParent());
        Files.writeString(file, DEFINITION);
        return dir.resolve(name).toUri().toURL();
    }

    private static HttpResponse<String> post(EmbeddedHost host, String path, String body)
            throws Exception {
        return HttpClient.newHttpClient()
                .send(
                        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + host.port() + path))
                                .timeout(Duration.ofSeconds(60))
                                .POST(HttpRequest.BodyPublishers.ofString(body))
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
    }
}
