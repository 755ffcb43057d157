// SPDX-License-Identifier: Apache-2.0
package io.kvlink.host;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The real plugin with the demo model, in a process of its own. */
class HostProcessTest {

    private static final long LIMIT_S = 120;
    private static final Path MODEL = Path.of("../../samples/model").toAbsolutePath().normalize();
    private static final Pattern READY =
            Pattern.compile("ready http=127\\.0\\.0\\.1:(\\d+) kv=- model=demo");

    @TempDir private Path dir;

    @Test
    void shouldServeUntilTerminated() throws Exception {
        serveAndStop(System.getProperty("java.class.path"));
    }

    /** The class path knows nothing of KvLink, as in DJL Serving's plugins folder. */
    @Test
    void shouldServeFromAPluginFolder() throws Exception {
        Path plugins = Files.createDirectory(dir.resolve("plugins"));
        List<String> classPath = new ArrayList<>();
        int moved = 0;
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator, 0)) {
            if (entry.contains("/djl-serving-plugin/target/") || entry.contains("/spi/target/")) {
                pack(Path.of(entry), plugins.resolve("kvlink-" + moved++ + ".jar"));
            } else {
                classPath.add(entry);
            }
        }
        assertThat(moved).isEqualTo(2);
        serveAndStop(
                String.join(File.pathSeparator, classPath), "--plugin-folder", plugins.toString());
    }

    private static void pack(Path from, Path jar) throws IOException {
        if (Files.isRegularFile(from)) {
            Files.copy(from, jar);
            return;
        }
        try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar));
                Stream<Path> files = Files.walk(from)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                out.putNextEntry(new JarEntry(from.relativize(file).toString()));
                Files.copy(file, out);
            }
        }
    }

    private void serveAndStop(String classPath, String... more) throws Exception {
        Files.writeString(
                dir.resolve("serving.properties"),
                "engine=KvLink\noption.model_dir="
                        + dir.toRealPath().relativize(MODEL)
                        + "\noption.model_name=demo\noption.kv_cache_tokens=4096\n");
        Path log = dir.resolve("stderr");
        List<String> command =
                new ArrayList<>(
                        List.of(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-XX:+UseSerialGC",
                                "-XX:TieredStopAtLevel=1",
                                "-Dai.djl.pytorch.num_threads=1",
                                "-DOPT_OUT_TRACKING=true",
                                "-cp",
                                classPath,
                                HostMain.class.getName(),
                                "--model-dir",
                                dir.toRealPath().toString(),
                                "--port",
                                "0",
                                "-O",
                                "max_running=4",
                                "-O",
                                "drain_seconds=100"));
        command.addAll(List.of(more));
        Process process = new ProcessBuilder(command).redirectError(log.toFile()).start();
        try (BufferedReader out = process.inputReader()) {
            String line =
                    CompletableFuture.supplyAsync(() -> readLine(out))
                            .get(LIMIT_S, TimeUnit.SECONDS);
            Matcher ready = READY.matcher(String.valueOf(line));
            assertThat(ready.matches()).as(line + "\n" + Files.readString(log)).isTrue();

            String base = "http://127.0.0.1:" + ready.group(1);
            assertThat(send(get(base + "/v1/models")).body()).contains("\"id\":\"demo\"");
            HttpResponse<String> answer =
                    send(
                            HttpRequest.newBuilder(URI.create(base + "/v1/completions"))
                                    .POST(
                                            HttpRequest.BodyPublishers.ofString(
                                                    """
                                                    {"model": "demo", "max_tokens": 20,
                                                     "temperature": 0, "stop": ".",
                                                     "prompt": "Facts: Leo is in the attic. Mia is \
                                                    on the hill. Question: Where is Leo? Answer:"}
                                                    """)));
            assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
            assertThat(answer.body())
                    .contains("\"text\":\" Leo is in the attic\"", "\"finish_reason\":\"stop\"");
            assertThat(send(get(base + "/metrics")).body()).contains("# TYPE ");

            HttpResponse<InputStream> stream =
                    HttpClient.newHttpClient()
                            .send(longAnswer(base), HttpResponse.BodyHandlers.ofInputStream());
            assertThat(stream.body().read()).as("it has begun").isEqualTo('d');
            process.destroy();
            requireDrains(base);
            String events = new String(stream.body().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(events).endsWith("data: [DONE]\n\n").contains("\"completion_tokens\":1200");
            assertThat(process.waitFor(LIMIT_S, TimeUnit.SECONDS)).isTrue();
            assertThat(process.exitValue()).as(Files.readString(log)).isZero();
        } finally {
            process.destroyForcibly();
        }
    }

    private static HttpRequest longAnswer(String base) {
        return HttpRequest.newBuilder(URI.create(base + "/v1/completions"))
                .timeout(Duration.ofSeconds(LIMIT_S))
                .POST(
                        HttpRequest.BodyPublishers.ofString(
                                """
                                {"model": "demo", "prompt": "Once", "max_tokens": 300, "n": 4,
                                 "ignore_eos": true, "stream": true,
                                 "stream_options": {"include_usage": true}}
                                """))
                .build();
    }

    /** The signal takes a moment; then nothing new is taken, and no path is unknown. */
    private static void requireDrains(String base) throws Exception {
        long deadlineNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(LIMIT_S);
        HttpResponse<String> ready;
        do {
            assertThat(System.nanoTime()).isLessThan(deadlineNs);
            ready = send(get(base + "/health/ready"));
        } while (ready.statusCode() == 200);
        assertThat(ready.body()).contains("worker=draining");
        assertThat(send(get(base + "/health/live")).statusCode()).isEqualTo(200);
        HttpResponse<String> refused =
                send(
                        HttpRequest.newBuilder(URI.create(base + "/v1/completions"))
                                .POST(
                                        HttpRequest.BodyPublishers.ofString(
                                                "{\"prompt\": \"a\", \"max_tokens\": 1}")));
        assertThat(refused.statusCode()).as(refused.body()).isEqualTo(503);
        assertThat(refused.headers().firstValue("Retry-After")).isPresent();
        assertThat(refused.body()).contains("worker=draining");
    }

    private static String readLine(BufferedReader out) {
        try {
            return out.readLine();
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }

    private static HttpRequest.Builder get(String url) {
        return HttpRequest.newBuilder(URI.create(url));
    }

    private static HttpResponse<String> send(HttpRequest.Builder request) throws Exception {
        return HttpClient.newHttpClient()
                .send(
                        request.timeout(Duration.ofSeconds(LIMIT_S)).build(),
                        HttpResponse.BodyHandlers.ofString());
    }
}
