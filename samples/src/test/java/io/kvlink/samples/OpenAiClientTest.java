// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.kvlink.host.EmbeddedHost;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
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

    private static final Path SAMPLES = Path.of(".");
    private static final Path SOURCES = Path.of("src/test/openai");
    private static final Path INSTALLED = Path.of("target/openai");
    private static final int OLDEST_NODE = 20;

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
        ProgramRun npm = process("npm", "ci", "--ignore-scripts", "--prefer-offline");
        assumeTrue(npm.exit() == 0, "npm ci doesn't work here: " + npm.output());
    }

    @Test
    void shouldServeTheClientFromAWorker() throws Exception {
        try (EmbeddedHost host = ServedModel.worker(SAMPLES, Map.of())) {
            String url = ServedModel.url(host);
            run("check.mjs", url, "");
            ServedModel.assertAtRest(url);
        }
    }

    @Test
    void shouldTellTheClientThatTheQueueIsFull() throws Exception {
        Map<String, String> oneAndOne = Map.of("max_running", "1", "max_queued_requests", "1");
        try (EmbeddedHost host = ServedModel.worker(SAMPLES, oneAndOne)) {
            String url = ServedModel.url(host);
            run("overload.mjs", url, "");
            ServedModel.assertAtRest(url);
        }
    }

    @Test
    void shouldServeTheClientThroughTheProxy(@TempDir Path logs) throws Exception {
        try (Fleet fleet = new Fleet(SAMPLES, logs, false, ServedModel.PATIENT, Ports.FREE)) {
            fleet.start(1, 1);
            run("check.mjs", fleet.proxyUrl(), "proxy");
            for (String url : fleet.instanceUrls()) {
                ServedModel.assertAtRest(url);
            }
        }
    }

    private static void run(String script, String url, String mode)
            throws IOException, InterruptedException {
        ProgramRun run = process("node", script, url + "/v1", "base_model", mode);
        assertThat(run.exit()).as(run.output()).isZero();
        assertThat(run.output()).endsWith("done\n");
    }

    private static ProgramRun tool(String name) throws InterruptedException {
        try {
            return ProgramRun.of(Path.of("."), name, "--version");
        } catch (IOException missing) {
            return new ProgramRun(-1, String.valueOf(missing.getMessage()));
        }
    }

    private static ProgramRun process(String... command) throws IOException, InterruptedException {
        return ProgramRun.of(INSTALLED, command);
    }
}
