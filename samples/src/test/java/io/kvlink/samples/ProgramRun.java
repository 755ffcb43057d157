// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/**
 * A process that has ended: what it said, and how it ended.
 *
 * @param exit its exit code
 * @param output its standard output and error
 */
public record ProgramRun(int exit, String output) {

    private static final long RUN_S = 120;

    /**
     * Runs an example as its user does, on this JVM's class path.
     *
     * @param program the class with {@code main}
     * @param address its argument: where the server is
     * @return what it said
     */
    public static String ofExample(Class<?> program, String address)
            throws IOException, InterruptedException {
        ProgramRun run =
                of(
                        Path.of("."),
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:+UseSerialGC",
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        program.getName(),
                        address);
        assertThat(run.exit()).as(run.output()).isZero();
        return run.output();
    }

    /** Runs a command in a directory until it ends, by force if it takes too long. */
    static ProgramRun of(Path directory, String... command)
            throws IOException, InterruptedException {
        Process process =
                new ProcessBuilder(command)
                        .directory(directory.toFile())
                        .redirectErrorStream(true)
                        .start();
        try {
            process.getOutputStream().close();
            Thread killer = new Thread(() -> endInTime(process), "program-limit");
            killer.setDaemon(true);
            killer.start();
            String output =
                    new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return new ProgramRun(process.waitFor(), output);
        } finally {
            process.destroyForcibly();
        }
    }

    // Ends with the process, or with its end by force.
    private static void endInTime(Process process) {
        try {
            if (!process.waitFor(RUN_S, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException stop) {
            process.destroyForcibly();
        }
    }
}
