// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.kvlink.host.EmbeddedHost;
import io.kvlink.host.HostConfig;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * OpenAI's official Node client, unchanged, against a worker and against the proxy: {@code
 * src/test/openai/check.mjs}. Skipped, saying why, where there is no Node 20 or no npm, or where
 * npm's registry can't be reached.
 */
@Timeout(value = 300, unit = TimeUnit.SECONDS)
class OpenAiClientTest {

    private static final Path SOURCES = Path.of("src/test/openai");
    private static final Path INSTALLED = Path.of("target/openai");
    private static final int OLDEST_NODE = 20;
    private static final long RUN_S = 120;
    // KV whose client left before the decode instance had its request is kept for unclaimed_ttl_s,
    // which is 60 s.
    private static final long REST_NS = TimeUnit.SECONDS.toNanos(80);

    /** What a process said, and how it ended. */
    private record Run(int exit, String output) {}

    @BeforeAll
    static void install() throws IOException, InterruptedException {
        Matcher version = Pattern.compile("v(\\d+)\\..*").matcher(tool("node").output().strip());
        assumeTrue(
                version.matches() && Integer.parseInt(version.group(1)) >= OLDEST_NODE,
                "node " + OLDEST_NODE + " or newer isn't here");
        assumeTrue(tool("npm").exit() == 0, "npm isn't here");
        Files.createDirectories(INSTALLED);
        for (String file :
                List.of(
                        "package.json",
                        "package-lock.json",
                        ".npmrc",
                        "check.mjs",
                        "overload.mjs")) {
            Files.copy(
                    SOURCES.resolve(file),
                    INSTALLED.resolve(file),
                    StandardCopyOption.REPLACE_EXISTING);
        }
        Run npm = process("npm", "ci", "--ignore-scripts", "--prefer-offline");
        assumeTrue(npm.exit() == 0, "npm ci doesn't work here: " + npm.output());
    }

    @Test
    void shouldServeTheClientFromAWorker() throws Exception {
        HostConfig config =
                new HostConfig(
                        Path.of("configs/aggregated"), "127.0.0.1", 0, Map.of(), Optional.empty());
        try (EmbeddedHost host =
                EmbeddedHost.start(config, OpenAiClientTest.class.getClassLoader())) {
            String url = "http://127.0.0.1:" + host.port();
            run("check.mjs", url, "");
            assertAtRest(url);
        }
    }

    @Test
    void shouldTellTheClientThatTheQueueIsFull() throws Exception {
        HostConfig config =
                new HostConfig(
                        Path.of("configs/aggregated"),
                        "127.0.0.1",
                        0,
                        Map.of("max_running", "1", "max_queued_requests", "1"),
                        Optional.empty());
        try (EmbeddedHost host =
                EmbeddedHost.start(config, OpenAiClientTest.class.getClassLoader())) {
            String url = "http://127.0.0.1:" + host.port();
            run("overload.mjs", url, "");
            assertAtRest(url);
        }
    }

    @Test
    void shouldServeTheClientThroughTheProxy(@TempDir Path logs) throws Exception {
        try (Fleet fleet = new Fleet(Path.of("."), logs, false, Map.of())) {
            fleet.start(1, 1);
            run("check.mjs", fleet.proxyUrl(), "proxy");
            for (String url : fleet.instanceUrls()) {
                assertAtRest(url);
            }
        }
    }

    private static void run(String script, String url, String mode)
            throws IOException, InterruptedException {
        Run run = process("node", script, url + "/v1", "base_model", mode);
        assertThat(run.exit()).as(run.output()).isZero();
        assertThat(run.output()).endsWith("done\n");
    }

    /** All that was asked for and given up is freed: waits until it is so, or fails. */
    private static void assertAtRest(String url) throws IOException, InterruptedException {
        HttpClient client = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();
        HttpRequest request =
                HttpRequest.newBuilder(URI.create(url + "/kvlink/status"))
                        .timeout(Duration.ofSeconds(20))
                        .build();
        long deadlineNs = System.nanoTime() + REST_NS;
        JsonObject status;
        do {
            LockSupport.parkNanos(10_000_000);
            String body = client.send(request, HttpResponse.BodyHandlers.ofString()).body();
            JsonElement models = JsonParser.parseString(body).getAsJsonObject().get("models");
            status = models.getAsJsonArray().get(0).getAsJsonObject();
        } while (!atRest(status) && System.nanoTime() < deadlineNs);
        assertThat(atRest(status)).as("%s: %s", url, status).isTrue();
    }

    private static boolean atRest(JsonObject status) {
        return status.get("waiting").getAsInt() == 0
                && status.get("running").getAsInt() == 0
                && status.get("free_tokens").getAsInt() == status.get("total_tokens").getAsInt()
                && (status.get("ledger").isJsonNull() || idle(status.getAsJsonObject("ledger")));
    }

    private static boolean idle(JsonObject ledger) {
        return Stream.of("buffer_bytes", "pool_bytes", "leases", "transfers")
                .allMatch(key -> ledger.get(key).getAsLong() == 0);
    }

    private static Run tool(String name) throws InterruptedException {
        try {
            Process process =
                    new ProcessBuilder(name, "--version").redirectErrorStream(true).start();
            return ended(process);
        } catch (IOException missing) {
            return new Run(-1, String.valueOf(missing.getMessage()));
        }
    }

    private static Run process(String... command) throws IOException, InterruptedException {
        return ended(
                new ProcessBuilder(command)
                        .directory(INSTALLED.toFile())
                        .redirectErrorStream(true)
                        .start());
    }

    private static Run ended(Process process) throws IOException, InterruptedException {
        try {
            process.getOutputStream().close();
            // Ends with the process, or with its end by force.
            Thread killer =
                    new Thread(
                            () -> {
                                try {
                                    if (!process.waitFor(RUN_S, TimeUnit.SECONDS)) {
                                        process.destroyForcibly();
                                    }
                                } catch (InterruptedException stop) {
                                    process.destroyForcibly();
                                }
                            },
                            "openai-check-limit");
            killer.setDaemon(true);
            killer.start();
            String output =
                    new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return new Run(process.waitFor(), output);
        } finally {
            process.destroyForcibly();
        }
    }
}
