// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Scripts that build first: what stops the script stops the build. */
@Timeout(120)
class ScriptSignalsTest {

    private static final String BUILD =
            """
            #!/bin/sh
            echo "build $$"
            exec sleep 300
            """;

    @TempDir private Path directory;

    @ParameterizedTest
    @CsvSource({
        "samples/demo.sh, INT",
        "samples/demo.sh, TERM",
        "samples/demo.sh, HUP",
        "benchmarks/run.sh, INT",
        "benchmarks/run.sh, TERM",
        "benchmarks/run.sh, HUP",
    })
    void shouldEndTheBuildToo(String script, String signal) throws Exception {
        Path mvn = Files.createDirectory(directory.resolve("bin")).resolve("mvn");
        Files.writeString(mvn, BUILD);
        Files.setPosixFilePermissions(mvn, PosixFilePermissions.fromString("rwxr-xr-x"));
        Path copy = directory.resolve("a clone").resolve(script);
        Files.createDirectories(copy.getParent());
        Files.copy(Path.of("..").resolve(script), copy);

        List<String> command = List.of("bash", copy.toString(), "wire");
        ProcessBuilder builder =
                new ProcessBuilder(DefaultSignals.command(signal, command))
                        .redirectErrorStream(true);
        Path java = Path.of(System.getProperty("java.home"), "bin");
        builder.environment()
                .merge("PATH", mvn.getParent() + ":" + java, (old, own) -> own + ":" + old);
        Process process = builder.start();
        try (BufferedReader out = process.inputReader()) {
            ProcessHandle build = build(out);
            assertThat(
                            new ProcessBuilder("kill", "-" + signal, "" + process.pid())
                                    .start()
                                    .waitFor())
                    .isZero();
            assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
            assertThat(process.exitValue()).isEqualTo(130);
            build.onExit().get(30, TimeUnit.SECONDS);
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
    }

    private static ProcessHandle build(BufferedReader out) throws Exception {
        StringBuilder said = new StringBuilder();
        for (String line; (line = out.readLine()) != null; said.append(line).append('\n')) {
            if (line.startsWith("build ")) {
                return ProcessHandle.of(Long.parseLong(line.substring("build ".length())))
                        .orElseThrow();
            }
        }
        throw new AssertionError("the script ended before it built: " + said);
    }
}
