// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The demo as a user runs it: real processes, ended with it, however it ends. */
@Timeout(value = 180, unit = TimeUnit.SECONDS)
class DemoProcessTest {

    private static final Pattern PID = Pattern.compile("pid (\\d+)");

    @ParameterizedTest(name = "{0}P{1}D {2}")
    @CsvSource({"1, 1, PUT_ASYNC", "1, 3, GET", "3, 1, PUT"})
    void shouldAnswerFromHandedOverKvAndLeaveNoProcess(int prefills, int decodes, String sendType)
            throws Exception {
        Process demo =
                start(
                        "--prefill",
                        "" + prefills,
                        "--decode",
                        "" + decodes,
                        "--send-type",
                        sendType);
        List<String> lines = new ArrayList<>();
        try (BufferedReader out = output(demo)) {
            out.lines().forEach(lines::add);
        }
        String text = String.join("\n", lines);
        assertThat(demo.waitFor()).as(text).isZero();
        assertThat(text)
                .contains(" Leo is in the attic.", "over tcp, complete", "computed 0 and answered");
        assertThat(children(lines)).hasSize(1 + prefills + decodes).noneMatch(this::livesOn);
        for (int i = 1; i <= prefills; i++) {
            assertThat(text).containsPattern("prefill" + i + " computed [1-9]");
        }
        for (int i = 1; i <= decodes; i++) {
            assertThat(text).contains("decode" + i + " loaded them");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"INT", "TERM", "HUP", "KILL"})
    void shouldLeaveNoProcessWhenItIsStopped(String signal) throws Exception {
        Process demo = started(DefaultSignals.command(signal, command("--serve")));
        List<String> lines = new ArrayList<>();
        try (BufferedReader out = output(demo)) {
            for (String line; (line = out.readLine()) != null && !line.startsWith("Serving at"); ) {
                lines.add(line);
            }
            List<ProcessHandle> children = children(lines);
            assertThat(children).hasSize(3).allMatch(ProcessHandle::isAlive);
            assertThat(new ProcessBuilder("kill", "-" + signal, "" + demo.pid()).start().waitFor())
                    .isZero();
            assertThat(demo.waitFor(30, TimeUnit.SECONDS)).isTrue();
            assertThat(children).noneMatch(this::livesOn);
        } finally {
            demo.destroyForcibly();
        }
    }

    @Test
    void shouldSayWhatIsWrongWithItsArguments() throws Exception {
        Process demo = start("--prefill", "0");
        try (BufferedReader out = output(demo)) {
            assertThat(out.lines().toList())
                    .contains("--prefill and --decode must be at least 1 and 16 together at most");
        }
        assertThat(demo.waitFor()).isEqualTo(2);
    }

    private static Process start(String... args) throws IOException {
        return started(command(args));
    }

    private static Process started(List<String> command) throws IOException {
        return new ProcessBuilder(command).redirectErrorStream(true).start();
    }

    private static List<String> command(String... args) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(
                List.of(
                        "-cp",
                        System.getProperty("java.class.path"),
                        "io.kvlink.samples.Demo",
                        "--samples",
                        "."));
        command.addAll(List.of(args));
        return command;
    }

    private static BufferedReader output(Process process) {
        return new BufferedReader(
                new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    }

    private static List<ProcessHandle> children(List<String> lines) {
        List<ProcessHandle> children = new ArrayList<>();
        for (String line : lines) {
            Matcher matcher = PID.matcher(line);
            if (matcher.find()) {
                // A process that is gone has no handle.
                ProcessHandle.of(Long.parseLong(matcher.group(1)))
                        .ifPresentOrElse(
                                children::add, () -> children.add(ProcessHandle.current()));
            }
        }
        return children;
    }

    private boolean livesOn(ProcessHandle child) {
        if (child.equals(ProcessHandle.current())) {
            return false;
        }
        try {
            child.onExit().get(30, TimeUnit.SECONDS);
            return false;
        } catch (Exception stillThere) {
            child.destroyForcibly();
            return true;
        }
    }
}
