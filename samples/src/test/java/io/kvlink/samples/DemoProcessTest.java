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

/** The demo as a user runs it: real processes, ended with it, however it ends. */
@Timeout(value = 300, unit = TimeUnit.SECONDS)
class DemoProcessTest {

    // On a busy machine a process may take long for its first words.
    private static final String PATIENT = "handshake_timeout_s=25";
    private static final Pattern PID = Pattern.compile("pid (\\d+)");

    @Test
    void shouldAnswerAndLeaveNoProcess() throws Exception {
        Process demo = start();
        List<String> lines = new ArrayList<>();
        try (BufferedReader out = output(demo)) {
            out.lines().forEach(lines::add);
        }
        assertThat(demo.waitFor()).as(String.join("\n", lines)).isZero();
        assertAnswers(lines, 1, 1);
        assertThat(children(lines)).hasSize(3).noneMatch(this::livesOn);
    }

    @ParameterizedTest(name = "{0} {1}P{2}D {3}")
    @CsvSource({
        "INT, 1, 1, PUT_ASYNC",
        "TERM, 1, 3, GET",
        "HUP, 3, 1, PUT",
        "KILL, 1, 1, PUT_ASYNC"
    })
    void shouldAnswerAndLeaveNoProcessWhenItIsStopped(
            String signal, int prefills, int decodes, String sendType) throws Exception {
        List<String> command =
                command(
                        "--serve",
                        "--prefill",
                        "" + prefills,
                        "--decode",
                        "" + decodes,
                        "--send-type",
                        sendType);
        Process demo = started(DefaultSignals.command(signal, command));
        List<String> lines = new ArrayList<>();
        try (BufferedReader out = output(demo)) {
            for (String line; (line = out.readLine()) != null && !line.startsWith("Serving at"); ) {
                lines.add(line);
            }
            assertAnswers(lines, prefills, decodes);
            List<ProcessHandle> children = children(lines);
            assertThat(children).hasSize(1 + prefills + decodes).allMatch(ProcessHandle::isAlive);
            assertThat(new ProcessBuilder("kill", "-" + signal, "" + demo.pid()).start().waitFor())
                    .isZero();
            assertThat(demo.waitFor(60, TimeUnit.SECONDS)).isTrue();
            assertThat(children).noneMatch(this::livesOn);
        } finally {
            demo.destroyForcibly();
        }
    }

    private static void assertAnswers(List<String> lines, int prefills, int decodes) {
        String text = String.join("\n", lines);
        assertThat(text)
                .contains(" Leo is in the attic.", "over tcp, complete", "computed 0 and answered");
        for (int i = 1; i <= prefills; i++) {
            assertThat(text).containsPattern("prefill" + i + " computed [1-9]");
        }
        for (int i = 1; i <= decodes; i++) {
            assertThat(text).contains("decode" + i + " loaded them");
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
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        // Its children live briefly here, too.
        builder.environment().put("JDK_JAVA_OPTIONS", "-XX:+UseSerialGC -XX:TieredStopAtLevel=1");
        return builder.start();
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
                        ".",
                        "--set",
                        PATIENT));
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
            child.onExit().get(60, TimeUnit.SECONDS);
            return false;
        } catch (Exception stillThere) {
            child.destroyForcibly();
            return true;
        }
    }
}
